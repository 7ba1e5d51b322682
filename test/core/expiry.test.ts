import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SessionRecord } from '../../src/core/session-record.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

const isKnown = (browser: TestBrowser) => browser.read(({ isNew }) => !isNew)

suite('a session expires', () => {
  testOnBoth('at the millisecond in which its idle timeout ends', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { expiresAt } = (await app.record(browser.id)) as SessionRecord
    assert.equal(await browser.read((session) => session.expiresAt), expiresAt)
    app.clock.set(expiresAt - 1)
    assert.equal(await isKnown(browser), true)
    app.clock.set(expiresAt)
    assert.equal(await isKnown(browser), false)
  })

  testOnBoth(
    'at the millisecond in which its absolute timeout ends',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const end = app.clock.now() + 20 * 60_000
      for (let minutes = 0; minutes < 19; minutes++) {
        app.clock.advance('1m')
        await browser.visit((session) => session.update('count', (count = 0) => count + 1))
      }
      app.clock.set(end - 1)
      assert.equal(await isKnown(browser), true)
      assert.equal((await app.record(browser.id))?.expiresAt, end)
      app.clock.set(end)
      assert.equal(await isKnown(browser), false)
    },
    { absoluteTimeout: '20m' },
  )

  testOnBoth(
    'after permanentTimeout if it is permanent',
    async (app) => {
      const browser = app.browser()
      const answer = await browser.visit((session) => {
        session.set('count', 1)
        session.permanent = true
      })
      const [, header = ''] = answer.headers.find(([name]) => name === 'Set-Cookie') ?? []
      assert.match(header, /; Max-Age=2678400;/)
      app.clock.advance('59m')
      assert.equal(await isKnown(browser), true)
      await browser.visit()
      app.clock.advance('1h')
      assert.equal(await isKnown(browser), false)
    },
    { permanentTimeout: '1h' },
  )

  testOnBoth('after idleTimeout again when it is permanent no more', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('count', 1)
      session.permanent = true
    })
    app.clock.advance('1h')
    const answer = await browser.visit((session) => {
      assert.equal(session.permanent, true)
      session.permanent = false
    })
    const [, header = ''] = answer.headers.find(([name]) => name === 'Set-Cookie') ?? []
    assert.doesNotMatch(header, /Max-Age/)
    assert.equal((await app.record(browser.id))?.persistent, false)
    app.clock.advance('599999ms')
    assert.equal(await isKnown(browser), true)
    app.clock.advance('1ms')
    assert.equal(await isKnown(browser), false)
  })

  testOnBoth(
    'after what a function says of it',
    async (app) => {
      const [ada, guest] = [app.browser(), app.browser()]
      await ada.visit((session) => session.login('ada'))
      await guest.visit((session) => session.set('count', 1))
      app.clock.advance('5m')
      assert.equal(await isKnown(guest), false)
      assert.equal(await isKnown(ada), true)
      app.clock.advance('55m')
      assert.equal(await isKnown(ada), false)
    },
    { idleTimeout: ({ principal }) => (principal === null ? '5m' : '1h') },
  )

  test('and a function is told the facts of the session', async (t) => {
    const seen: unknown[] = []
    const app = new TestApp(t, {
      idleTimeout: (facts) => {
        seen.push({ ...facts })
        return { hours: 1 }
      },
    })
    const browser = app.browser()
    const createdAt = app.clock.now()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('6m')
    await browser.visit((session) => {
      session.permanent = true
      session.login('ada')
    })
    const [first, second] = seen
    assert.deepEqual(first, { principal: null, permanent: false, id: null, createdAt: null })
    assert.deepEqual(second, { principal: 'ada', permanent: true, id: browser.id, createdAt })
  })
})

suite('after a session has expired', () => {
  testOnBoth('the visitor is anonymous, and nothing is deleted or sent', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    const { id } = browser
    app.clock.advance('10m')
    const answer = await browser.visit((session) => assert.equal(session.principal, null))
    assert.equal(answer.cookie, null)
    assert.equal(app.store.count('delete', 'touch', 'save'), 0)
    assert.deepEqual(app.eventsOf('rejected'), [{ type: 'rejected', id, reason: 'unknown-id' }])
  })

  testOnBoth('a write begins a new one with another id', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { id } = browser
    app.clock.advance('10m')
    await browser.visit((session) => session.set('count', 2))
    assert.notEqual(browser.id, id)
    assert.deepEqual(await app.data(browser.id), { count: 2 })
  })

  testOnBoth('while a request was handled its changes are dropped', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    app.clock.advance('10m')
    session.set('count', 2)
    assert.equal((await end()).cookie, null)
    assert.deepEqual(app.eventsOf('dropped'), [{ type: 'dropped', id: browser.id, reason: 'gone' }])
  })
})

suite('when the clock moves back', () => {
  testOnBoth('sessions go on, and no deadline moves back with it', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const before = (await app.record(browser.id)) as SessionRecord
    app.clock.set(app.clock.now() - 3_600_000)
    await browser.visit((session) => session.update('count', (count = 0) => count + 1))
    await browser.visit()
    const after = (await app.record(browser.id)) as SessionRecord
    assert.deepEqual([after.lastSeenAt, after.expiresAt], [before.lastSeenAt, before.expiresAt])
    assert.equal(app.store.count('touch'), 0)
    assert.equal((await app.data(browser.id))?.count, 2)
  })

  testOnBoth('new sessions and logins work', async (app) => {
    const browser = app.browser()
    app.clock.set(1)
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => session.login('ada'))
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })
})

suite('when a deploy changes the options', () => {
  testOnBoth('a session gets the new idle timeout with its next touch', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const after = app.anotherProcess({ idleTimeout: '1h' })
    app.clock.advance('1m')
    await browser.visit(undefined, { app: after })
    assert.equal((await app.record(browser.id))?.expiresAt, app.clock.now() + 3_600_000)
    app.clock.advance('59m')
    assert.equal(await isKnown(browser), true)
  })

  testOnBoth('a session gets the new idle timeout with its next save', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const after = app.anotherProcess({ idleTimeout: '1m' })
    app.clock.advance('30s')
    await browser.visit((session) => session.set('count', 2), { app: after })
    assert.equal((await app.record(browser.id))?.expiresAt, app.clock.now() + 60_000)
  })

  testOnBoth('a much shorter idle timeout does not end a session in use', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const after = app.anotherProcess({ idleTimeout: '10s' })
    app.clock.advance('59s')
    await browser.visit((session) => session.set('count', 2), { app: after })
    assert.equal(await isKnown(browser), true)
    assert.equal((await app.record(browser.id))?.expiresAt, app.clock.now() + 10_000)
  })

  testOnBoth('a shorter idle timeout does not end a session that is read in time', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const after = app.anotherProcess({ idleTimeout: '1m' })
    for (const wait of ['9m', '50s', '50s', '50s'] as const) {
      app.clock.advance(wait)
      await browser.visit((session) => assert.equal(session.get('count'), 1), { app: after })
    }
  })

  testOnBoth('the absolute timeout counts for sessions that begin or log in later', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { absoluteExpiresAt } = (await app.record(browser.id)) as SessionRecord
    const after = app.anotherProcess({ absoluteTimeout: '1h', permanentTimeout: '1h' })
    app.clock.advance('1m')
    await browser.visit((session) => session.set('count', 2), { app: after })
    assert.equal((await app.record(browser.id))?.absoluteExpiresAt, absoluteExpiresAt)
    await browser.visit((session) => session.login('ada'), { app: after })
    assert.equal((await app.record(browser.id))?.absoluteExpiresAt, app.clock.now() + 3_600_000)
  })
})
