import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SessionRecord } from '../../src/core/session-record.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

async function deadlines(app: TestApp, browser: TestBrowser) {
  const { lastSeenAt, expiresAt, version } = (await app.record(browser.id)) as SessionRecord
  return { lastSeenAt, expiresAt, version }
}

suite('a request that only reads', () => {
  testOnBoth('moves the deadline once a tenth of the idle timeout has passed', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const before = await deadlines(app, browser)
    app.clock.advance('59999ms')
    await browser.visit()
    assert.equal(app.store.count('touch'), 0)
    app.clock.advance('1ms')
    const answer = await browser.visit()
    assert.equal(answer.cookie, null)
    assert.equal(app.store.count('touch'), 1)
    assert.deepEqual(await deadlines(app, browser), {
      lastSeenAt: app.clock.now(),
      expiresAt: app.clock.now() + 600_000,
      version: before.version,
    })
  })

  testOnBoth('touches at most once per window, however many there are', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    for (let times = 0; times < 5; times++) await browser.visit()
    assert.equal(app.store.count('touch'), 1)
    app.clock.advance('1m')
    for (let times = 0; times < 5; times++) await browser.visit()
    assert.equal(app.store.count('touch'), 2)
    assert.equal(app.store.count('save'), 0)
  })

  testOnBoth('touches once although it also calls save()', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    await browser.visit(async (session) => {
      await session.save()
      assert.equal(session.lastSeenAt, app.clock.now())
      await session.save()
    })
    assert.equal(app.store.count('touch'), 1)
  })

  testOnBoth('touches although its response fails', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    await browser.visit(undefined, { status: 500 })
    assert.equal(app.store.count('touch'), 1)
  })

  testOnBoth('does not touch when it does not use the session', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('5m')
    const request = await browser.request({ unused: true })
    await request.end()
    assert.equal(app.store.count('touch'), 0)
  })

  testOnBoth('keeps a session alive as long as it is read in time', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    for (let times = 0; times < 20; times++) {
      app.clock.advance('599999ms')
      await browser.visit((session) => assert.equal(session.get('count'), 1))
    }
  })
})

suite('a touch', () => {
  test('is made once by parallel requests', async (t) => {
    const app = new TestApp(t, { asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    const requests = await Promise.all(Array.from({ length: 20 }, () => browser.request()))
    await Promise.all(requests.map((request) => request.end()))
    assert.equal(app.store.count('touch'), 1)
  })

  testOnBoth('that fails harms nobody, and the next request tries again', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    app.store.failBefore('touch', new Error('the disk is full'))
    await browser.visit((session) => assert.equal(session.get('count'), 1))
    assert.equal(app.eventsOf('store-error')[0]?.verb, 'touch')
    await browser.visit()
    assert.equal(app.store.count('touch'), 2)
    assert.equal((await deadlines(app, browser)).lastSeenAt, app.clock.now())
  })

  testOnBoth('of a slow request does not undo the deadline of a faster one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    const held = app.store.hold('touch')
    const slow = browser.visit()
    await held.arrived
    app.clock.advance('2m')
    await browser.visit((session) => session.set('count', 2), { app: app.anotherProcess() })
    const after = await deadlines(app, browser)
    held.release()
    await slow
    assert.deepEqual(await deadlines(app, browser), after)
  })

  testOnBoth('leaves a session of another version alone', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    const reading = await browser.request()
    await browser.visit((session) => session.login('ada'))
    const after = await app.record(browser.id)
    app.clock.advance('1m')
    await reading.end()
    assert.deepEqual(await app.record(browser.id), after)
  })

  test('is tried again after an idle timeout that could not be computed', async (t) => {
    let broken = false
    const app = new TestApp(t, {
      idleTimeout: () => {
        if (broken) throw new RangeError('the function of the app failed')
        return '10m'
      },
    })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('1m')
    broken = true
    await app.rejects(browser.visit(), RangeError)
    broken = false
    await browser.visit()
    assert.equal(app.store.count('touch'), 1)
  })
})

suite('a save', () => {
  testOnBoth('moves the deadline like a touch, and no more often', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const before = await deadlines(app, browser)
    app.clock.advance('59999ms')
    await browser.visit((session) => session.set('count', 2))
    assert.deepEqual(await deadlines(app, browser), { ...before, version: 2 })
    app.clock.advance('1ms')
    await browser.visit((session) => session.set('count', 3))
    assert.deepEqual(await deadlines(app, browser), {
      lastSeenAt: app.clock.now(),
      expiresAt: app.clock.now() + 600_000,
      version: 3,
    })
    assert.equal(app.store.count('touch'), 0)
  })

  testOnBoth('does not undo the deadline that a touch has moved meanwhile', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.clock.advance('50s')
    const { session, end } = await browser.request()
    app.clock.advance('1m')
    await browser.visit()
    const touched = await deadlines(app, browser)
    session.set('count', 2)
    await end()
    assert.deepEqual(await deadlines(app, browser), { ...touched, version: 2 })
  })
})
