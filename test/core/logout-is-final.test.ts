import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionGoneError, StoreUnavailableError } from '../../src/core/errors.ts'
import type { TestSession } from '../support/test-app.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

/** A browser that is logged in, and a request of it that began before the session ended. */
async function lateRequest(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => {
    session.login('ada')
    session.set('count', 1)
  })
  return { browser, id: browser.id, late: await browser.request() }
}

suite('destroy()', () => {
  testOnBoth('deletes the record, expires the cookie and leaves a fresh session', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    const { id } = browser
    const answer = await browser.visit((session) => {
      session.permanent = true
      session.flash('Welcome back')
      session.destroy()
      assert.equal(session.principal, null)
      assert.equal(session.id, null)
      assert.equal(session.isNew, true)
      assert.equal(session.permanent, false)
      assert.deepEqual(session.flashes(), [])
      assert.equal(session.modified, true)
    })
    const [, header = ''] = answer.headers.find(([name]) => name === 'Set-Cookie') ?? []
    assert.match(header, /^__Host-session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970/)
    assert.equal(browser.cookie, null)
    assert.equal(await app.record(id), undefined)
    assert.deepEqual(app.eventsOf('destroyed'), [{ type: 'destroyed', id }])
  })

  testOnBoth('of a visitor without a session does nothing', async (app) => {
    const answer = await app.browser().visit((session) => session.destroy())
    assert.equal(answer.cookie, null)
    assert.equal(app.store.calls.length, 0)
  })

  testOnBoth('by a second request finds it gone, and leaves the cookie alone', async (app) => {
    const { browser, late } = await lateRequest(app)
    await browser.visit((session) => session.destroy())
    await browser.visit((session) => session.login('ada'))
    late.session.destroy()
    assert.equal((await late.end()).cookie, null)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })

  for (const status of [500, 503]) {
    testOnBoth(`is done although the response has the status ${status}`, async (app) => {
      const { browser, id } = await lateRequest(app)
      const answer = await browser.visit(
        (session) => {
          session.destroy()
          session.set('count', 2)
        },
        { status },
      )
      assert.equal(answer.cookie, '')
      assert.equal(await app.record(id), undefined)
      assert.equal(app.store.count('create'), 1)
    })
  }

  testOnBoth('that fails is an error, and is done by the next commit', async (app) => {
    const { id, late } = await lateRequest(app)
    late.session.destroy()
    app.store.failBefore('delete')
    await app.rejects(late.session.save(), StoreUnavailableError)
    assert.ok(await app.record(id))
    assert.equal((await late.end()).cookie, '')
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('and then set begins a new session in the same request', async (app) => {
    const { browser, id } = await lateRequest(app)
    await browser.visit((session) => {
      session.destroy()
      session.set('color', 'purple')
    })
    assert.ok(browser.id)
    assert.notEqual(browser.id, id)
    assert.deepEqual(await app.data(browser.id), { color: 'purple' })
    assert.equal((await app.record(browser.id))?.principal, null)
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('and then login begins a new session in the same request', async (app) => {
    const { browser, id } = await lateRequest(app)
    await browser.visit((session) => {
      session.destroy()
      session.login('grace')
    })
    assert.notEqual(browser.id, id)
    assert.deepEqual(await app.data(browser.id), {})
    assert.equal(await browser.read(({ principal }) => principal), 'grace')
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('takes a login of the same request back', async (app) => {
    const { browser, id } = await lateRequest(app)
    const answer = await browser.visit((session) => {
      session.login('grace')
      session.destroy()
    })
    assert.equal(answer.cookie, '')
    assert.equal(await app.record(id), undefined)
    assert.equal((await app.sessions.list('grace')).length, 0)
  })

  testOnBoth('wins over a login that another request made meanwhile', async (app) => {
    const { browser, id, late } = await lateRequest(app)
    await browser.visit((session) => session.login('grace'))
    late.session.destroy()
    assert.equal((await late.end()).cookie, '')
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('after the headers have left is done at once', async (app) => {
    const { id, late } = await lateRequest(app)
    await late.end()
    const deleted = app.store.hold('delete', 'after')
    late.session.destroy()
    await deleted.arrived
    assert.equal(await app.record(id), undefined)
    deleted.release()
  })
})

suite('destroy() of what this very request stores', () => {
  testOnBoth('leaves no session of a save that it did not wait for', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    session.set('count', 1)
    const saved = session.save()
    session.destroy()
    await saved
    assert.equal((await end()).cookie, null)
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('leaves no session of a login that it did not wait for', async (app) => {
    const { browser, late } = await lateRequest(app)
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    late.session.login('grace')
    const saved = late.session.save()
    late.session.destroy()
    await saved
    assert.equal((await late.end()).cookie, null)
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('does not take the cookie of another session away', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    session.set('count', 1)
    await session.save()
    await browser.visit((concurrent) => concurrent.login('ada'))
    session.destroy()
    assert.equal((await end()).cookie, null)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })

  testOnBoth('expires the cookie of the session that it had destroyed before', async (app) => {
    const { browser, late } = await lateRequest(app)
    late.session.destroy()
    late.session.set('count', 2)
    await late.session.save()
    late.session.destroy()
    await late.end()
    assert.equal(browser.cookie, null)
    assert.equal(await app.sessions.count(), 0)
  })
})

suite('after a session has ended', () => {
  const ends: Readonly<Record<string, (app: TestApp, id: string) => Promise<unknown>>> = {
    revoked: (app, id) => app.sessions.revoke(id, { anyPrincipal: true }),
    'revoked with all of its principal': (app) => app.sessions.revokeAll('ada'),
    'revoked by another process': (app, id) =>
      app.anotherProcess().sessions.revoke(id, { principal: 'ada' }),
    expired: async (app) => app.clock.advance('10m'),
  }
  const uses: Readonly<Record<string, (session: TestSession) => void>> = {
    'a late set': (session) => session.set('count', 2),
    'a late update': (session) => session.update('count', (count = 0) => count + 1),
    'a late delete': (session) => session.delete('count'),
    'a late clear': (session) => session.clear(),
    'a late flash message': (session) => session.flash('Welcome back'),
    'a late rotate': (session) => session.rotate(),
    'a late change of the persistence': (session) => {
      session.permanent = true
    },
  }
  for (const [ended, end] of Object.entries(ends)) {
    for (const [name, use] of Object.entries(uses)) {
      test(`${name} does not bring it back once it was ${ended}`, async (t) => {
        const app = new TestApp(t)
        const { browser, id, late } = await lateRequest(app)
        await end(app, browser.id ?? '')
        use(late.session)
        assert.equal((await late.end()).cookie, null)
        assert.equal(await app.record(id), undefined)
        assert.equal(await app.sessions.count(), 0)
        const dropped = app.eventsOf('dropped')
        assert.deepEqual(dropped, [{ type: 'dropped', id, reason: 'gone' }])
      })
    }
  }

  testOnBoth('a touch does not bring it back', async (app) => {
    const { browser, id, late } = await lateRequest(app)
    app.clock.advance('5m')
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    assert.equal((await late.end()).cookie, null)
    assert.equal(app.store.count('touch'), 1)
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('its own save tells, and what follows is stored nowhere', async (app) => {
    const { browser, late } = await lateRequest(app)
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    late.session.set('count', 2)
    await app.rejects(late.session.save(), SessionGoneError)
    assert.equal(late.session.id, null)
    assert.equal(late.session.size, 0)
    late.session.set('color', 'purple')
    await app.rejects(late.session.save(), SessionGoneError)
    assert.equal((await late.end()).cookie, null)
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('a change inside an object is dropped like any other', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { session, end } = await browser.request()
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    session.get('cart')?.push('quince')
    await app.rejects(session.save(), SessionGoneError)
    assert.deepEqual(session.toJSON(), {})
    assert.equal(session.modified, false)
    session.login('ada')
    await end()
    assert.deepEqual(await app.data(browser.id), {})
  })

  testOnBoth('a token that this answer was to bring is not sent any more', async (app) => {
    const { browser, late } = await lateRequest(app)
    late.session.rotate()
    await late.session.save()
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    late.session.set('count', 2)
    assert.equal((await late.end()).cookie, null)
  })

  testOnBoth('its cookie opens nothing', async (app) => {
    const { browser } = await lateRequest(app)
    const thief = app.browser()
    thief.cookie = browser.cookie
    await browser.visit((session) => session.destroy())
    assert.equal(await thief.read(({ isNew }) => isNew), true)
    assert.equal((await thief.visit()).cookie, null)
  })
})

suite('a save of a session that another request destroys', () => {
  for (const when of ['before', 'after'] as const) {
    testOnBoth(`${when} it is stored does not bring it back`, async (app) => {
      const { browser, id, late } = await lateRequest(app)
      const held = app.store.hold('save', when)
      late.session.set('count', 2)
      const end = late.end()
      await held.arrived
      await browser.visit((session) => session.destroy())
      held.release()
      assert.equal((await end).cookie, null)
      assert.equal(await app.record(id), undefined)
      assert.equal(browser.cookie, null)
    })
  }
})
