import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { SessionDataError, SessionGoneError } from '../../src/core/errors.ts'
import { testOnBoth } from '../support/test-app.ts'

suite('login', () => {
  testOnBoth('gives the session a new secret and keeps its id and its data', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const [cookie, id] = [browser.cookie, browser.id]
    const answer = await browser.visit((session) => {
      session.login('ada')
      assert.equal(session.principal, 'ada')
      assert.equal(session.modified, true)
    })
    assert.ok(answer.cookie)
    assert.notEqual(browser.cookie, cookie)
    assert.equal(browser.id, id)
    assert.deepEqual(await browser.read(({ principal }) => principal), 'ada')
    assert.deepEqual(await app.data(id), { cart: ['pear'] })
    assert.deepEqual(app.eventTypes(), ['created', 'saved', 'rotated', 'login'])
  })

  testOnBoth('of a visitor without a session makes one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.login('ada')
      session.set('count', 1)
    })
    assert.equal((await app.record(browser.id))?.principal, 'ada')
    assert.deepEqual(app.eventTypes(), ['created', 'login'])
  })

  testOnBoth('of the same principal again changes the secret and keeps the data', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    await browser.visit((session) => session.set('count', 1))
    const { cookie } = browser
    await browser.visit((session) => session.login('ada'))
    assert.notEqual(browser.cookie, cookie)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
  })

  testOnBoth('keeps only the keys that it is asked to keep', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('cart', ['pear'])
      session.set('count', 1)
    })
    await browser.visit((session) => {
      session.login('ada', { keep: ['cart'] })
      assert.deepEqual([...session.keys()], ['cart'])
      session.set('name', 'Ada Lovelace')
    })
    assert.deepEqual(await app.data(browser.id), { cart: ['pear'], name: 'Ada Lovelace' })
  })

  testOnBoth('of another principal drops the data, whatever it is asked to keep', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.login('ada')
      session.set('cart', ['pear'])
    })
    await browser.visit((session) => {
      session.set('color', 'purple')
      session.login('grace', { keep: ['cart', 'color'] })
      assert.equal(session.size, 0)
      session.set('count', 1)
    })
    assert.deepEqual(await app.data(browser.id), { count: 1 })
    assert.equal((await app.record(browser.id))?.principal, 'grace')
  })

  testOnBoth('begins the absolute deadline anew, and nothing else does', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const begun = app.clock.now()
    const month = 31 * 86_400_000
    app.clock.advance('9m')
    await browser.visit((session) => session.rotate())
    assert.equal((await app.record(browser.id))?.absoluteExpiresAt, begun + month)
    app.clock.advance('9m')
    await browser.visit((session) => session.login('ada'))
    assert.equal((await app.record(browser.id))?.absoluteExpiresAt, app.clock.now() + month)
    assert.equal((await app.record(browser.id))?.createdAt, begun)
  })

  testOnBoth('notes the device that logs in', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const request = await browser.request({ userAgent: 'Fire\u0000fox', ip: '192.0.2.7' })
    request.session.login('ada')
    await request.end()
    const { userAgent, ip } = (await app.record(browser.id)) ?? {}
    assert.deepEqual([userAgent, ip], ['Firefox', '192.0.2.7'])
  })

  testOnBoth('refuses a principal that no list could show', async (app) => {
    const { session } = await app.browser().request()
    for (const wrong of ['', 'a\nb', 'a\u0000', 'x'.repeat(256), '\ud800', null, 7]) {
      assert.throws(() => session.login(wrong as string), SessionDataError)
    }
    assert.equal(session.principal, null)
    assert.equal(session.modified, false)
    session.login('x'.repeat(255))
  })
})

suite('a request that began before a login and ends after it', () => {
  testOnBoth('cannot write into the session, and sends no cookie', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      app.events.length = 0
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const early = await browser.request()
      const emptying = await browser.request()
      await browser.visit((session) => session.login('ada'), { app: other })
      early.session.set('name', 'Mallory of Malta')
      emptying.session.clear()
      const answers = [await early.end(), await emptying.end()]
      assert.deepEqual(
        answers.map(({ cookie }) => cookie),
        [null, null],
      )
      assert.deepEqual(await app.data(browser.id), { count: 1 })
      assert.equal(await browser.read(({ principal }) => principal), 'ada')
      const dropped = { type: 'dropped', id: browser.id, reason: 'no-longer-admitted' } as const
      assert.deepEqual(app.eventsOf('dropped'), [dropped, dropped])
    }
  })

  testOnBoth('is told so by its own save', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const early = await browser.request()
    await browser.visit((session) => session.login('ada'))
    early.session.set('count', 2)
    await app.rejects(early.session.save(), SessionGoneError)
    assert.equal(early.session.principal, null)
    assert.equal(early.session.size, 0)
    assert.equal((await early.end()).cookie, null)
  })

  testOnBoth('does not read on in the session, and writes nothing later either', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const early = await browser.request()
    await browser.visit((session) => session.login('ada'))
    early.session.set('count', 2)
    await app.rejects(early.session.save(), SessionGoneError)
    early.session.set('color', 'purple')
    assert.equal((await early.end()).cookie, null)
    assert.equal(app.store.count('create'), 1)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
  })

  testOnBoth(
    'cannot touch it either: only the deadlines of the old record are meant',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      app.clock.advance('5m')
      const early = await browser.request()
      await browser.visit((session) => session.login('ada'))
      const record = await app.record(browser.id)
      app.clock.advance('1m')
      assert.equal((await early.end()).cookie, null)
      assert.deepEqual(await app.record(browser.id), record)
    },
  )

  testOnBoth('cannot rotate it', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const early = await browser.request()
    await browser.visit((session) => session.login('ada'))
    early.session.rotate()
    assert.equal((await early.end()).cookie, null)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })
})
