import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'

const script = readFileSync(new URL('page-facts.js', import.meta.url), 'utf8')

/** What a page looks like to its user. */
export const pageFacts = {
  /** The text of the element that has the focus. */
  focused: (page: Page) => ask<string>(page, 'focused()'),
  /** Of the element that has the focus, in pixels. */
  outlineWidth: (page: Page) => ask<number>(page, 'outlineWidth()'),
  /** By how many pixels the page is wider than its window. */
  overflow: (page: Page) => ask<number>(page, 'overflow()'),
  /**
   * The texts whose contrast with what is behind them is below 4.5 to 1, the least that WCAG 2.2
   * allows for text of ordinary size (1.4.3).
   */
  lowContrasts: (page: Page) => ask<string[]>(page, 'lowContrasts()'),
  /** The name of the animation of the first element that matches a selector. */
  animation: (page: Page, selector: string) => ask<string>(page, `animation('${selector}')`),
  /** From 0 for a black page to 1 for a white one, by a screenshot. */
  async brightness(page: Page): Promise<number> {
    const picture = (await page.screenshot()).toString('base64')
    return ask(page, `brightness('${picture}')`)
  },
}

function ask<T>(page: Page, question: string): Promise<T> {
  return page.evaluate(`${script.trim()}.${question}`)
}
