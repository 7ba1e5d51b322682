import assert from 'node:assert/strict'
import type { TestApp } from './test-app.ts'
import type { TestBrowser } from './test-browser.ts'

/** Options with which the secret of a session is changed by the clock. */
export const rotating = { rotateAfter: '5m', idleTimeout: '1h' } as const

/** A session that is old enough to be rotated by the clock. */
export async function dueSession(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => session.set('count', 1))
  app.clock.advance('5m')
  return { browser, cookie: browser.cookie }
}

/** The session after a timed rotation, and a browser that did not get the new cookie. */
export async function rotatedSession(app: TestApp) {
  const { browser, cookie } = await dueSession(app)
  const straggler = app.browser()
  straggler.cookie = cookie
  await browser.visit()
  assert.notEqual(browser.cookie, cookie)
  return { browser, straggler }
}

export const isKnown = (browser: TestBrowser) =>
  browser.read((session) => session.get('count') !== undefined)
