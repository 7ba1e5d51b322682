import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { DemoProcess } from './support/demo-process.ts'
import { DemoVisitor } from './support/demo-visitor.ts'
import { skipWithout } from './support/find-browser.ts'
import { launchChromium } from './support/launch.ts'
import { pageFacts } from './support/page-facts.ts'

describe('the pages of the demo', { skip: skipWithout('chromium') }, () => {
  let demo: DemoProcess
  let browser: Browser

  before(async () => {
    demo = await DemoProcess.start()
    browser = await launchChromium()
  })

  after(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  const visit = (options?: BrowserContextOptions) => DemoVisitor.open(browser, demo.url, options)

  test('can be used with the keyboard alone', async () => {
    await using visitor = await visit()
    const { keyboard } = visitor.page
    await visitor.go()
    await keyboard.press('Tab')
    assert.equal(await pageFacts.focused(visitor.page), 'Skip to the content')
    await keyboard.press('Enter')
    await keyboard.press('Tab')
    assert.equal(await pageFacts.focused(visitor.page), 'Log in')
    await keyboard.press('Enter')

    await visitor.page.getByLabel('Your name').waitFor()
    await keyboard.type('Ada')
    await keyboard.press('Tab')
    await keyboard.press('Space')
    assert.equal(await visitor.page.getByLabel('Remember this browser').isChecked(), true)
    await keyboard.press('Tab')
    await keyboard.press('Enter')
    await visitor.page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
    assert.ok(((await visitor.cookie())?.expires ?? 0) > 0)
  })

  test('show where the focus is', async () => {
    await using visitor = await visit()
    await visitor.go()
    for (let step = 0; step < 4; step += 1) {
      await visitor.page.keyboard.press('Tab')
      const width = await pageFacts.outlineWidth(visitor.page)
      assert.ok(width >= 2, await pageFacts.focused(visitor.page))
    }
  })

  test('read messages and a few of the last seconds out, but not every one', async () => {
    await using visitor = await visit()
    const { page } = visitor
    await page.clock.install()
    await visitor.logIn('Ada')
    await page.getByText('(live)').waitFor()
    await page.route('**/live', (route) => route.abort())
    const heard = new Set<string>()
    for (let second = 0; second < 125; second += 1) {
      await page.clock.runFor(1000)
      heard.add((await page.locator('#announcer').textContent()) ?? '')
    }
    assert.equal(await page.locator('#announcer').getAttribute('role'), 'status')
    assert.deepEqual(
      [...heard].filter((text) => text !== '').map((text) => text.replace(/\d+/, 'N')),
      ['You are logged in as Ada.', ...Array(3).fill('The session ends in N seconds.')],
    )
    assert.equal(await visitor.text('#deadlines .time >> nth=0'), '0:00')
    await page.getByText('(the server does not answer)').waitFor()
  })

  for (const width of [320, 375, 768, 1280]) {
    test(`need no horizontal scrolling at ${width} pixels`, async () => {
      await using visitor = await visit({ viewport: { width, height: 800 } })
      await visitor.go()
      assert.equal(await pageFacts.overflow(visitor.page), 0)
      await visitor.logIn(`${'W'.repeat(35)} ${width}`)
      assert.equal(await pageFacts.overflow(visitor.page), 0)
      await visitor.press('Add one Coral notebook')
      assert.equal(await pageFacts.overflow(visitor.page), 0)
    })
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`are ${colorScheme} where the system is, and easy to read`, async () => {
      await using visitor = await visit({ colorScheme })
      await visitor.go()
      assert.deepEqual(await pageFacts.lowContrasts(visitor.page), [])
      await visitor.go('/login')
      assert.deepEqual(await pageFacts.lowContrasts(visitor.page), [])
      await visitor.logIn('Ada')
      await visitor.press('Add one Coral notebook')
      assert.deepEqual(await pageFacts.lowContrasts(visitor.page), [])

      const brightness = await pageFacts.brightness(visitor.page)
      if (colorScheme === 'light') assert.ok(brightness > 0.8, String(brightness))
      else assert.ok(brightness < 0.2, String(brightness))
    })
  }

  test('move nothing for those who want no motion', async () => {
    await using visitor = await visit({ reducedMotion: 'reduce' })
    await visitor.logIn('Ada')
    const tab = await visitor.context.newPage()
    await tab.goto(demo.url)
    await visitor.page.locator('.changed').first().waitFor()
    assert.equal(await pageFacts.animation(visitor.page, '.changed'), 'none')
  })

  test('load nothing from elsewhere, and break none of their own rules', async () => {
    await using visitor = await visit()
    const problems: string[] = []
    visitor.page.on('console', (message) => problems.push(message.text()))
    visitor.page.on('pageerror', (error) => problems.push(String(error)))
    visitor.page.on('request', (request) => {
      if (!request.url().startsWith(demo.url)) problems.push(request.url())
    })
    await visitor.go()
    await visitor.logIn('Ada')
    await visitor.page.getByText('(live)').waitFor()
    await visitor.press('Log out', '.actions')
    assert.deepEqual(problems, [])
  })
})
