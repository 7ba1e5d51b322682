import assert from 'node:assert/strict'
import { suite } from 'node:test'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

const options = { rotateAfter: '5m', idleTimeout: '1h' } as const

/** A session that is old enough to be rotated by the clock. */
async function dueSession(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => session.set('count', 1))
  app.clock.advance('5m')
  return { browser, cookie: browser.cookie }
}

/** The session after a timed rotation, and a browser that did not get the new cookie. */
async function rotatedSession(app: TestApp) {
  const { browser, cookie } = await dueSession(app)
  const straggler = app.browser()
  straggler.cookie = cookie
  await browser.visit()
  assert.notEqual(browser.cookie, cookie)
  return { browser, straggler }
}

const isKnown = (browser: ReturnType<TestApp['browser']>) =>
  browser.read((session) => session.get('count') !== undefined)

suite('a timed rotation', () => {
  testOnBoth(
    'happens when rotateAfter has passed, also to a request that only reads',
    async (app) => {
      const { browser, cookie } = await dueSession(app)
      app.clock.advance('1ms')
      const answer = await browser.visit()
      assert.ok(answer.cookie)
      assert.notEqual(answer.cookie, cookie)
      assert.deepEqual(app.eventsOf('rotated'), [{ type: 'rotated', id: browser.id, timed: true }])
    },
    options,
  )

  testOnBoth(
    'does not happen a millisecond earlier',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      app.clock.advance('299999ms')
      assert.equal((await browser.visit()).cookie, null)
      app.clock.advance('1ms')
      assert.ok((await browser.visit()).cookie)
    },
    options,
  )

  testOnBoth(
    'is counted from the last one',
    async (app) => {
      const { browser } = await rotatedSession(app)
      app.clock.advance('299999ms')
      assert.equal((await browser.visit()).cookie, null)
      app.clock.advance('1ms')
      assert.ok((await browser.visit()).cookie)
    },
    options,
  )

  testOnBoth(
    'is counted from login and rotate() as well',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      for (const change of ['login', 'rotate'] as const) {
        app.clock.advance('4m')
        await browser.visit((session) =>
          change === 'login' ? session.login('ada') : session.rotate(),
        )
      }
      app.clock.advance('4m')
      assert.equal((await browser.visit()).cookie, null)
      app.clock.advance('1m')
      assert.ok((await browser.visit()).cookie)
    },
    options,
  )

  testOnBoth('does not happen by default', async (app) => {
    const { browser } = await dueSession(app)
    assert.equal((await browser.visit()).cookie, null)
    assert.equal(app.eventsOf('rotated').length, 0)
  })

  testOnBoth(
    'happens once to parallel requests, which all are admitted',
    async (app) => {
      for (const other of [app, app.anotherProcess()]) {
        const { browser } = await dueSession(app)
        const requests = await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            browser.request({ app: index % 2 === 0 ? app : other }),
          ),
        )
        for (const [index, { session }] of requests.entries())
          session.set(`key${index}`, 'some text')
        const answers = await Promise.all(requests.map((request) => request.send()))
        const cookies = answers.map(({ cookie }) => cookie).filter((cookie) => cookie !== null)
        assert.equal(cookies.length, 1)
        browser.cookie = cookies[0] ?? null
        assert.equal(Object.keys((await app.data(browser.id)) ?? {}).length, 11)
        assert.equal(await isKnown(browser), true)
      }
    },
    options,
  )

  testOnBoth(
    'that meets a change of another process is done on the fresh data',
    async (app) => {
      const { browser } = await dueSession(app)
      const other = app.anotherProcess({ rotateAfter: '1d' })
      const request = await browser.request()
      await browser.visit((session) => session.set('color', 'purple'), { app: other })
      const [before, answer] = [browser.cookie, await request.end()]
      assert.ok(answer.cookie)
      const straggler = app.browser()
      straggler.cookie = before
      app.clock.advance('1s')
      assert.equal((await straggler.visit()).cookie, null, 'the new cookie must not be made void')
      assert.equal(await isKnown(browser), true)
      assert.deepEqual(await app.data(browser.id), { count: 1, color: 'purple' })
    },
    options,
  )

  testOnBoth(
    'of a session that is too old for it, and is only read, checks no data',
    async (app) => {
      const { browser } = await dueSession(app)
      const strict = app.anotherProcess({
        maxDataBytes: 1,
        schema: {
          '~standard': {
            version: 1,
            vendor: 'test',
            validate: () => ({ issues: [{ message: 'no', path: ['count'] }] }),
          },
        },
      })
      assert.ok((await browser.visit(undefined, { app: strict })).cookie)
      await browser.visit(undefined, { app: strict })
      assert.equal(await isKnown(browser), true)
    },
    options,
  )

  testOnBoth(
    'is not done when its cookie could not leave any more',
    async (app) => {
      const { browser, cookie } = await dueSession(app)
      const { session } = await browser.request({ headersSent: true })
      session.set('count', 2)
      await session.save()
      assert.equal(app.eventsOf('rotated').length, 0)
      assert.equal(browser.cookie, cookie)
      assert.equal(await isKnown(browser), true)
    },
    options,
  )
})

suite('the previous secret after a timed rotation', () => {
  testOnBoth(
    'admits, and sends no cookie, until the new one is presented',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      app.clock.advance('29s')
      const answer = await straggler.visit((session) =>
        session.update('count', (count = 0) => count + 1),
      )
      assert.equal(answer.cookie, null)
      assert.equal((await app.data(browser.id))?.count, 2)
    },
    options,
  )

  testOnBoth(
    'admits for 30 seconds after the new one was first presented',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      app.clock.advance('10s')
      await browser.visit()
      app.clock.advance('29999ms')
      assert.equal(await isKnown(straggler), true)
      app.clock.advance('1ms')
      assert.equal(await isKnown(straggler), false)
      assert.equal(await isKnown(browser), true)
      assert.deepEqual(app.eventsOf('superseded').length, 1)
    },
    options,
  )

  testOnBoth(
    'is superseded for a minute after that, then replayed',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      await browser.visit()
      app.clock.advance('89999ms')
      assert.equal((await straggler.visit((session) => session.set('count', 9))).cookie, null)
      app.clock.advance('1ms')
      await straggler.visit()
      const told = app.eventTypes().filter((type) => type === 'superseded' || type === 'replayed')
      assert.deepEqual(told, ['superseded', 'replayed'])
    },
    options,
  )

  testOnBoth(
    'is confirmed once: later requests do not prolong the 30 seconds',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      await browser.visit()
      app.clock.advance('20s')
      await browser.visit((session) => session.set('count', 5))
      app.clock.advance('10s')
      assert.equal(await isKnown(straggler), false)
    },
    options,
  )

  testOnBoth(
    'that alone keeps arriving leads to another rotation after 30 seconds',
    async (app) => {
      const { straggler } = await rotatedSession(app)
      app.clock.advance('29999ms')
      assert.equal((await straggler.visit()).cookie, null)
      app.clock.advance('1ms')
      assert.ok((await straggler.visit()).cookie)
      assert.equal(await isKnown(straggler), true)
    },
    options,
  )

  testOnBoth(
    'is not rotated twice by parallel requests after a lost answer',
    async (app) => {
      for (const other of [app, app.anotherProcess()]) {
        const { straggler } = await rotatedSession(app)
        app.clock.advance('31s')
        const requests = [await straggler.request(), await straggler.request({ app: other })]
        const answers = await Promise.all(requests.map((request) => request.send()))
        for (const answer of [...answers].reverse()) straggler.receive(answer)
        assert.equal(await isKnown(straggler), true)
        assert.equal(answers.filter(({ cookie }) => cookie !== null).length, 1)
      }
    },
    options,
  )

  testOnBoth(
    'does not bring back its cookie with a change of the persistence',
    async (app) => {
      const { browser } = await dueSession(app)
      const [first, second] = [await browser.request(), await browser.request()]
      second.session.permanent = true
      await first.end()
      assert.equal((await second.end()).cookie, null)
      assert.equal((await app.record(browser.id))?.persistent, true)
    },
    options,
  )

  testOnBoth(
    'is dead at once after a login with the new one',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      await browser.visit((session) => session.login('ada'))
      assert.equal(await isKnown(straggler), false)
    },
    options,
  )

  testOnBoth(
    'lets its browser log in, and is dead at once then',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      const late = app.browser()
      late.cookie = straggler.cookie
      await straggler.visit((session) => session.login('ada'))
      assert.equal(await isKnown(straggler), true)
      assert.equal(await isKnown(late), false)
      assert.equal(await isKnown(browser), false)
      assert.equal(app.eventsOf('superseded').length, 1)
    },
    options,
  )

  testOnBoth(
    'can destroy the session',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      assert.equal((await straggler.visit((session) => session.destroy())).cookie, '')
      assert.equal(await isKnown(browser), false)
    },
    options,
  )
})
