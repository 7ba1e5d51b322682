import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { SessionGoneError } from '../../src/core/errors.ts'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

const [first, second] = ['the first pepper of this app', 'the second pepper of this app']

const isKnown = (browser: TestBrowser, app: TestApp) =>
  browser.request({ app }).then(({ session }) => !session.isNew)

async function hashOf(app: TestApp, browser: TestBrowser): Promise<string> {
  return (await app.record(browser.id))?.secretHash ?? ''
}

suite('a pepper that is added', () => {
  testOnBoth(
    'admits sessions from before, and makes their hash anew at the next save',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const after = app.anotherProcess({ pepper: first })
      const { cookie } = browser
      assert.match(await hashOf(app, browser), /^sha256:/)
      app.clock.advance('5m')
      await browser.visit(undefined, { app: after })
      assert.match(await hashOf(app, browser), /^sha256:/)
      const answer = await browser.visit((session) => session.set('count', 2), { app: after })
      assert.equal(answer.cookie, null)
      assert.match(await hashOf(app, browser), /^hmac-sha256:/)
      assert.equal(browser.cookie, cookie)
      assert.equal(await isKnown(browser, after), true)
    },
  )

  testOnBoth(
    'does so also after a conflict, and with a rotation of the same request',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const after = app.anotherProcess({ pepper: first })
      const requests = [
        await browser.request({ app: after }),
        await browser.request({ app: after }),
      ]
      for (const { session } of requests) session.update('count', (count = 0) => count + 1)
      await browser.visit((session) => session.set('name', 'Ada Lovelace'))
      await Promise.all(requests.map((request) => request.end()))
      assert.match(await hashOf(app, browser), /^hmac-sha256:/)
      assert.equal((await app.data(browser.id))?.count, 3)
      const rotating = await browser.request({ app: after })
      rotating.session.rotate()
      await rotating.end()
      assert.equal(await isKnown(browser, after), true)
    },
  )

  testOnBoth('does not keep rotate() from replacing the secret', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { cookie } = browser
    const after = app.anotherProcess({ pepper: first })
    const { session, end } = await browser.request({ app: after })
    await browser.visit((concurrent) => concurrent.set('count', 2), { app: after })
    session.rotate()
    await end()
    assert.notEqual(browser.cookie, cookie)
    assert.equal(await isKnown(browser, after), true)
  })

  testOnBoth('goes on with the same request, in the same session', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const after = app.anotherProcess({ pepper: first, rotateAfter: '1m' })
    app.clock.advance('30s')
    await browser.visit(
      async (session) => {
        session.set('count', 2)
        await session.save()
        session.set('count', 3)
        await session.save()
        session.permanent = true
      },
      { app: after },
    )
    assert.equal((await app.data(browser.id))?.count, 3)
    assert.equal(await isKnown(browser, after), true)
  })

  testOnBoth('with pepperOnly refuses sessions from before', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session } = await browser.request()
    const strict = app.anotherProcess({ pepper: first, pepperOnly: true })
    assert.equal(await isKnown(browser, strict), false)
    const reason = 'unusable-hash'
    assert.deepEqual(strict.eventsOf('rejected'), [{ type: 'rejected', id: browser.id, reason }])
    assert.equal(await isKnown(browser, app), true)
    session.set('count', 2)
    await session.save()
  })

  testOnBoth('bars a process that does not know it yet, once the hash is new', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const early = await browser.request()
    const after = app.anotherProcess({ pepper: first })
    await browser.visit((session) => session.set('count', 2), { app: after })
    early.session.set('count', 3)
    await app.rejects(early.session.save(), SessionGoneError)
    assert.equal((await app.data(browser.id))?.count, 2)
  })
})

suite('a pepper that is replaced', () => {
  testOnBoth(
    'stays accepted while it is in the list, and is replaced at the next save',
    async (app) => {
      const before = app.anotherProcess({ pepper: first })
      const after = app.anotherProcess({ pepper: [second, first], pepperOnly: true })
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1), { app: before })
      const old = await hashOf(app, browser)
      await browser.visit((session) => session.set('count', 2), { app: after })
      const made = await hashOf(app, browser)
      assert.notEqual(made.split(':')[1], old.split(':')[1])
      const last = app.anotherProcess({ pepper: second, pepperOnly: true })
      assert.equal(await isKnown(browser, last), true)
      assert.equal(await isKnown(browser, before), false)
    },
  )

  testOnBoth('still tells a superseded token from a wrong one', async (app) => {
    const before = app.anotherProcess({ pepper: first })
    const after = app.anotherProcess({ pepper: [second, first] })
    const [browser, straggler] = [app.browser(), app.browser()]
    await browser.visit((session) => session.set('count', 1), { app: before })
    straggler.cookie = browser.cookie
    await browser.visit((session) => session.login('ada'), { app: before })
    await browser.visit((session) => session.set('count', 2), { app: after })
    const answer = await straggler.visit((session) => session.set('count', 3), { app: after })
    assert.equal(answer.cookie, null)
    assert.equal(after.eventsOf('superseded').length, 1)
  })
})
