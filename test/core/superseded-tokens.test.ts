import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { SessionGoneError } from '../../src/core/errors.ts'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

/** A browser that is logged in, and another one that still has the cookie from before. */
async function loggedIn(app: TestApp) {
  const [browser, straggler] = [app.browser(), app.browser()]
  await browser.visit((session) => session.set('cart', ['pear']))
  straggler.cookie = browser.cookie
  await browser.visit((session) => session.login('ada'))
  return { browser, straggler }
}

suite('the token from before a login', () => {
  testOnBoth('opens nothing from the very same millisecond on', async (app) => {
    const { straggler } = await loggedIn(app)
    await straggler.visit((session) => {
      assert.equal(session.principal, null)
      assert.equal(session.isNew, true)
      assert.equal(session.id, null)
      assert.equal(session.size, 0)
    })
  })

  testOnBoth('is superseded for a minute: nothing is stored and no cookie is sent', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    for (const wait of ['1ms', '59999ms'] as const) {
      const answer = await straggler.visit((session) => session.set('count', 1))
      assert.equal(answer.cookie, null)
      app.clock.advance(wait === '1ms' ? '59999ms' : '1ms')
    }
    assert.equal(app.store.count('create'), 1)
    assert.equal(app.store.count('save'), 1)
    assert.deepEqual(app.eventsOf('superseded'), [{ type: 'superseded', id: browser.id }])
    const dropped = { type: 'dropped', id: null, reason: 'superseded' } as const
    assert.deepEqual(app.eventsOf('dropped'), [dropped, dropped])
  })

  testOnBoth('takes no cookie away after a second rotation, either', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    await browser.visit((session) => session.rotate())
    const answer = await straggler.visit((session) => session.set('count', 1))
    assert.equal(answer.cookie, null)
    assert.equal(app.store.count('create'), 1)
    app.clock.advance('1m')
    assert.ok((await straggler.visit((session) => session.set('count', 1))).cookie)
  })

  testOnBoth('is told so by its own save', async (app) => {
    const { straggler } = await loggedIn(app)
    const { session } = await straggler.request()
    session.set('count', 1)
    await app.rejects(session.save(), SessionGoneError)
    assert.equal(session.size, 0)
  })

  testOnBoth('is replayed after a minute, and the visitor an ordinary new one', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    app.clock.advance('1m')
    const answer = await straggler.visit((session) => session.set('count', 1))
    assert.ok(answer.cookie)
    assert.notEqual(straggler.id, browser.id)
    assert.deepEqual(app.eventsOf('replayed'), [{ type: 'replayed', id: browser.id }])
    assert.equal(app.eventsOf('superseded').length, 0)
  })

  testOnBoth('tells of a replay although it was told before that it is superseded', async (app) => {
    const { straggler } = await loggedIn(app)
    app.clock.advance('59s')
    await straggler.visit()
    app.clock.advance('2s')
    await straggler.visit()
    const told = app.eventTypes().filter((type) => type === 'superseded' || type === 'replayed')
    assert.deepEqual(told, ['superseded', 'replayed'])
  })

  testOnBoth('lets a visitor log in, who gets a session of their own', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    const answer = await straggler.visit((session) => {
      session.set('count', 1)
      session.login('grace')
    })
    assert.ok(answer.cookie)
    assert.notEqual(straggler.id, browser.id)
    assert.deepEqual(await app.data(straggler.id), { count: 1 })
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })

  testOnBoth('does not log the new session out with destroy', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    const answer = await straggler.visit((session) => session.destroy())
    assert.equal(answer.cookie, null)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
    assert.equal(app.store.count('delete'), 0)
  })

  testOnBoth('flashes nothing, and gives a CSRF token that nothing accepts', async (app) => {
    const { straggler } = await loggedIn(app)
    const answer = await straggler.visit((session) => {
      session.flash('Welcome back')
      session.csrfToken()
      session.permanent = true
    })
    assert.equal(answer.cookie, null)
    assert.equal(app.store.count('create'), 1)
  })

  testOnBoth('does not touch the session', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    app.clock.advance('9m')
    const record = await app.record(browser.id)
    await straggler.visit()
    assert.deepEqual(await app.record(browser.id), record)
    assert.equal(app.store.count('touch'), 0)
  })
})

suite('the token from before rotate()', () => {
  testOnBoth('is dead at once and superseded for a minute, too', async (app) => {
    const [browser, straggler] = [app.browser(), app.browser()]
    await browser.visit((session) => session.set('count', 1))
    straggler.cookie = browser.cookie
    await browser.visit((session) => session.rotate())
    const answer = await straggler.visit((session) => session.set('count', 2))
    assert.equal(answer.cookie, null)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
  })

  testOnBoth('opens nothing when the clock has been set back since', async (app) => {
    const { straggler } = await loggedIn(app)
    app.clock.set(app.clock.now() - 5_000)
    const answer = await straggler.visit((session) => {
      assert.equal(session.principal, null)
      session.set('count', 1)
    })
    assert.equal(answer.cookie, null)
  })
})

suite('a token that two rotations have replaced', () => {
  testOnBoth('has the wrong secret', async (app) => {
    const { browser, straggler } = await loggedIn(app)
    await browser.visit((session) => session.rotate())
    await straggler.visit()
    assert.deepEqual(app.eventsOf('rejected'), [
      { type: 'rejected', id: browser.id, reason: 'wrong-secret' },
    ])
  })
})
