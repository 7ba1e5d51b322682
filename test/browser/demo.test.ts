import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { DemoProcess } from './support/demo-process.ts'
import { DemoVisitor } from './support/demo-visitor.ts'
import { skipWithout } from './support/find-browser.ts'
import { launchChromium } from './support/launch.ts'

describe('the demo in Chromium', { skip: skipWithout('chromium') }, () => {
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

  test('logs out one device from another: it is out at its next click', async () => {
    await using laptop = await visit()
    await using phone = await visit()
    await laptop.logIn('Ada')
    await phone.logIn('Ada')
    assert.equal(await phone.heading(), 'Hello, Ada')

    await laptop.go()
    assert.equal(await laptop.page.locator('.devices li').count(), 2)
    await laptop.press('Log out', '.devices')
    assert.match(await laptop.text('#devices'), /That device is logged out/)
    assert.equal(await laptop.page.locator('.devices li').count(), 1)

    await phone.press('Add one Coral notebook')
    assert.equal(await phone.heading(), 'Your session has ended')
    await laptop.press('Add one Coral notebook')
    assert.equal(await laptop.heading(), 'Hello, Ada')
  })

  test('tells a page whose session was ended elsewhere, before the next click', async () => {
    await using laptop = await visit()
    await using phone = await visit()
    await laptop.logIn('Barbara')
    await phone.logIn('Barbara')
    await laptop.go()
    await laptop.press('Log out all others')
    await phone.page.getByText('This session has just ended on the server').first().waitFor()
    assert.match(await phone.text('#server'), /No row/)
    assert.match(await phone.text('#browser'), /it opens nothing/)
  })

  test('logs out all other devices at once', async () => {
    await using laptop = await visit()
    await using phone = await visit()
    await using tablet = await visit()
    for (const device of [phone, tablet, laptop]) await device.logIn('Grace')
    await laptop.press('Log out all others')
    assert.match(await laptop.text('#devices'), /Logged out: 2 other devices/)
    for (const device of [phone, tablet]) {
      await device.page.reload()
      assert.equal(await device.heading(), 'Your session has ended')
    }
    await laptop.page.reload()
    assert.equal(await laptop.heading(), 'Hello, Grace')
  })

  test('lets nobody log out a stranger by posting the id', async () => {
    await using linus = await visit()
    await using mallory = await visit()
    await using helper = await visit()
    await linus.logIn('Linus')
    for (const device of [helper, mallory]) await device.logIn('Mallory')
    await mallory.page
      .locator('.devices input[name=id]')
      .evaluate((input, id) => input.setAttribute('value', id), await linus.id())
    await mallory.press('Log out', '.devices')
    assert.match(await mallory.text('#devices'), /You have no such device/)
    await linus.page.reload()
    assert.equal(await linus.heading(), 'Hello, Linus')
  })

  test('counts the pages of a session', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    assert.equal(await visitor.text('#visits'), '1')
    await visitor.page.reload()
    await visitor.page.reload()
    assert.equal(await visitor.text('#visits'), '3')
  })

  test('keeps a guest’s cart through the login, and the id with it', async () => {
    await using visitor = await visit()
    await visitor.go()
    await visitor.page.getByRole('link', { name: 'Go on as a guest' }).click()
    await visitor.press('Add one Barnacle mug')
    await visitor.press('Add one Barnacle mug')
    await visitor.press('Add one Anemone lamp')
    await visitor.press('Remove one Barnacle mug')
    const [id, secret] = [await visitor.id(), await visitor.secret()]
    await visitor.logIn('Ada')
    assert.match(await visitor.text('.total'), /€ 52/)
    assert.equal(await visitor.id(), id)
    assert.notEqual(await visitor.secret(), secret)
  })

  test('loses no click on “add” in two tabs at once', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    const tabs = [visitor.page, await visitor.context.newPage(), await visitor.context.newPage()]
    for (const tab of tabs) await tab.goto(demo.url)
    await Promise.all(
      tabs.map((tab) =>
        Promise.all([tab.waitForEvent('load'), tab.getByLabel('Add one Coral').click()]),
      ),
    )
    await visitor.page.reload()
    assert.match(await visitor.text('#count-coral'), /3$/)
  })

  test('shows a message once', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    await visitor.press('New secret')
    assert.match(await visitor.text('.flash:not([hidden])'), /the secret is a new one/)
    await visitor.page.reload()
    assert.equal(await visitor.page.locator('.flash:not([hidden])').count(), 0)
  })

  test('gives the same session a new secret', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    const [id, secret] = [await visitor.id(), await visitor.secret()]
    await visitor.press('New secret')
    assert.equal(await visitor.heading(), 'Hello, Ada')
    assert.equal(await visitor.id(), id)
    assert.notEqual(await visitor.secret(), secret)
  })

  test('gives the cookie an end only while the browser is to be remembered', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    assert.equal((await visitor.cookie())?.expires, -1)
    await visitor.press('Remember this browser')
    const inSevenDays = Date.now() / 1000 + 7 * 86_400
    const cookie = await visitor.cookie()
    const expiresAt = cookie?.expires ?? 0
    assert.ok(Math.abs(expiresAt - inSevenDays) < 60, `the cookie ends at ${expiresAt}`)
    assert.equal(cookie?.httpOnly, true)
    assert.equal(cookie?.sameSite, 'Lax')
    await visitor.press('Forget this browser')
    assert.equal((await visitor.cookie())?.expires, -1)
    assert.equal(await visitor.heading(), 'Hello, Ada')
  })

  test('removes the cookie at the logout', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    const id = await visitor.id()
    await visitor.press('Log out', '.actions')
    assert.equal(await visitor.cookie(), undefined)
    assert.equal(demo.row(id), undefined)
    assert.match(await visitor.text('#browser'), /No cookie/)
    await visitor.page.goBack()
    await visitor.page.reload()
    assert.equal(await visitor.heading(), 'A session stays in one place')
  })

  test('logs in whoever clicks twice', async () => {
    await using visitor = await visit()
    await visitor.go('/login')
    await visitor.page.getByLabel('Your name').fill('Ada')
    await visitor.page.getByRole('button', { name: 'Log in' }).dblclick({ noWaitAfter: true })
    await visitor.page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
    await visitor.page.waitForLoadState('networkidle').catch(() => {})
    await visitor.page.reload()
    assert.equal(await visitor.heading(), 'Hello, Ada')
  })

  test('works without JavaScript', async () => {
    await using visitor = await visit({ javaScriptEnabled: false })
    await visitor.logIn('Ada')
    await visitor.press('Add one Coral notebook')
    await visitor.press('Remember this browser')
    assert.match(await visitor.text('.total'), /€ 9/)
    const row = demo.row(await visitor.id())
    assert.ok((await visitor.text('#server')).includes(String(row?.['secret_hash'])))
    await visitor.press('Log out', '.actions')
    assert.equal(await visitor.cookie(), undefined)
  })

  test('shows the stored row while it changes, and the secret only beside it', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    const tab = await visitor.context.newPage()
    await tab.goto(demo.url)
    await tab.getByLabel('Add one Anemone').click()
    await visitor.page.locator('#server').getByText('"anemone": 1').waitFor()

    const [shown, browserSide] = [await visitor.text('#server'), await visitor.text('#browser')]
    const row = demo.row(await visitor.id()) ?? {}
    for (const [column, value] of Object.entries(row)) {
      assert.match(shown, new RegExp(`^${column}$`, 'm'))
      if (column !== 'data') assert.ok(shown.includes(String(value ?? 'NULL')), column)
    }
    assert.equal(Object.keys(row).length, 15)
    const [id, secret] = [await visitor.id(), await visitor.secret()]
    assert.ok(!(await visitor.page.locator('#server').innerHTML()).includes(secret))
    assert.match(browserSide, new RegExp(`public id\\s+${id}\\s+secret\\s+${secret}`))
  })

  test('lets the time run down although its panels look at the row all the time', async () => {
    await using visitor = await visit()
    await visitor.logIn('Ada')
    const stored = demo.row(await visitor.id())
    const secondsLeft = async () => secondsOf(await visitor.text('#deadlines .time >> nth=0'))
    const before = await secondsLeft()
    assert.ok(before > 100 && before <= 120, `${before} seconds are left`)
    while ((await secondsLeft()) > before - 3) await visitor.page.waitForTimeout(100)
    assert.deepEqual(demo.row(await visitor.id()), stored)
  })
})

function secondsOf(time: string): number {
  const [minutes = '', seconds = ''] = time.split(':')
  return Number(minutes) * 60 + Number(seconds)
}
