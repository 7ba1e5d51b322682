import type { Browser, BrowserContext, BrowserContextOptions, Cookie, Page } from 'playwright-core'

/** Somebody who uses the demo with a browser of their own: cookies are not shared. */
export class DemoVisitor implements AsyncDisposable {
  readonly context: BrowserContext
  readonly page: Page
  readonly #url: string

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.context = context
    this.page = page
    this.#url = url
  }

  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
  ): Promise<DemoVisitor> {
    const context = await browser.newContext(options)
    context.setDefaultTimeout(15_000)
    return new DemoVisitor(context, await context.newPage(), url)
  }

  async go(path = '/'): Promise<void> {
    await this.page.goto(this.#url + path)
  }

  async logIn(name: string): Promise<void> {
    await this.go('/login')
    await this.page.getByLabel('Your name').fill(name)
    await this.press('Log in')
  }

  /** Presses a button whose name begins with a text, and waits for the page that it leads to. */
  async press(name: string, within = 'main'): Promise<void> {
    const button = this.page.locator(within).getByRole('button', { name: new RegExp(`^${name}`) })
    await Promise.all([this.page.waitForEvent('load'), button.first().click()])
  }

  heading(): Promise<string> {
    return this.page.locator('h1').innerText()
  }

  text(selector: string): Promise<string> {
    return this.page.locator(selector).innerText()
  }

  /** The session cookie as the browser keeps it. */
  async cookie(): Promise<Cookie | undefined> {
    const cookies = await this.context.cookies(this.#url)
    return cookies.find(({ name }) => name === 'sessile-demo')
  }

  async id(): Promise<string> {
    return (await this.cookie())?.value.split('.')[0] ?? ''
  }

  async secret(): Promise<string> {
    return (await this.cookie())?.value.split('.')[1] ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
  }
}
