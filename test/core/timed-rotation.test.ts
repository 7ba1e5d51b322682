import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { dueSession, isKnown, rotatedSession, rotating } from '../support/rotating-sessions.ts'
import { testOnBoth } from '../support/test-app.ts'

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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
  )

  testOnBoth(
    'happens once to a request that saves several times, and is not confirmed by it',
    async (app) => {
      const { browser, cookie } = await dueSession(app)
      await browser.visit(async (session) => {
        for (const count of [2, 3, 4]) {
          session.set('count', count)
          await session.save()
        }
        await session.save()
        session.set('count', 5)
      })
      assert.equal(app.eventsOf('rotated').length, 1)
      const record = await app.record(browser.id)
      assert.equal(record?.previousSecretUntil, null)
      const straggler = app.browser()
      straggler.cookie = cookie
      app.clock.advance('1m')
      assert.equal(await isKnown(straggler), true)
    },
    rotating,
  )

  testOnBoth(
    'that another request met makes a login a session of its own',
    async (app) => {
      const { browser } = await dueSession(app)
      const { id } = browser
      const { session, end } = await browser.request()
      await browser.visit()
      session.login('ada')
      await end()
      assert.notEqual(browser.id, id)
      assert.equal(await browser.read(({ principal }) => principal), 'ada')
      assert.equal((await app.record(id))?.principal, null)
    },
    rotating,
  )

  testOnBoth(
    'does not follow a login of the same request',
    async (app) => {
      const { browser } = await dueSession(app)
      await browser.visit(async (session) => {
        session.login('ada')
        await session.save()
        session.set('count', 2)
      })
      assert.equal(app.eventsOf('rotated').length, 1)
      assert.equal(await browser.read(({ principal }) => principal), 'ada')
    },
    rotating,
  )
})
