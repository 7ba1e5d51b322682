import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { DemoProcess } from './support/demo-process.ts'
import { DemoVisitor } from './support/demo-visitor.ts'
import { skipWithout } from './support/find-browser.ts'
import { launchFirefox } from './support/launch.ts'

describe('the demo in Firefox', { skip: skipWithout('firefox') }, () => {
  let demo: DemoProcess
  let browser: Browser

  before(async () => {
    demo = await DemoProcess.start()
    browser = await launchFirefox()
  })

  after(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  test('knows the user on the next page, and nobody after the logout', async () => {
    await using visitor = await DemoVisitor.open(browser, demo.url)
    await visitor.logIn('Ada')
    assert.equal(await visitor.heading(), 'Hello, Ada')
    await visitor.press('Add one Coral notebook')
    assert.match(await visitor.text('.total'), /€ 9/)
    await visitor.page.reload()
    assert.equal(await visitor.heading(), 'Hello, Ada')
    await visitor.press('Log out', '.actions')
    assert.equal(await visitor.heading(), 'A session stays in one place')
    assert.match(await visitor.text('#browser'), /No cookie/)
  })

  test('shares no session between two profiles', async () => {
    await using laptop = await DemoVisitor.open(browser, demo.url)
    await using phone = await DemoVisitor.open(browser, demo.url)
    await phone.logIn('Grace')
    await laptop.logIn('Grace')
    await laptop.press('Log out all others')
    await phone.page.reload()
    assert.equal(await phone.heading(), 'Your session has ended')
    await laptop.page.reload()
    assert.equal(await laptop.heading(), 'Hello, Grace')
  })
})
