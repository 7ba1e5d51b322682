import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { dueSession, isKnown, rotatedSession, rotating } from '../support/rotating-sessions.ts'
import { testOnBoth } from '../support/test-app.ts'

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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
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
    rotating,
  )

  testOnBoth(
    'is dead at once after a login with the new one',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      await browser.visit((session) => session.login('ada'))
      assert.equal(await isKnown(straggler), false)
    },
    rotating,
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
    rotating,
  )

  testOnBoth(
    'can destroy the session',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      assert.equal((await straggler.visit((session) => session.destroy())).cookie, '')
      assert.equal(await isKnown(browser), false)
    },
    rotating,
  )

  testOnBoth(
    'ends 30 seconds after the first of two parallel requests with the new one',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      const [first, second] = [await browser.request(), await browser.request()]
      await first.end()
      app.clock.advance('20s')
      await second.end()
      app.clock.advance('9999ms')
      assert.equal(await isKnown(straggler), true)
      app.clock.advance('1ms')
      assert.equal(await isKnown(straggler), false)
    },
    rotating,
  )

  testOnBoth(
    'still admits after the other rotation that it led to, and the lost one does not',
    async (app) => {
      const { browser, straggler } = await rotatedSession(app)
      const parallel = app.browser()
      parallel.cookie = straggler.cookie
      app.clock.advance('30s')
      await straggler.visit()
      assert.equal(await isKnown(parallel), true)
      assert.equal(await isKnown(straggler), true)
      assert.equal(await isKnown(browser), false)
    },
    rotating,
  )

  testOnBoth(
    'does not lead to another rotation by a request that was only slow',
    async (app) => {
      const { browser } = await dueSession(app)
      const slow = await browser.request()
      await browser.visit()
      app.clock.advance('1m')
      slow.session.set('count', 2)
      assert.equal((await slow.end()).cookie, null)
      assert.equal(await browser.read((session) => session.get('count')), 2)
    },
    rotating,
  )
})
