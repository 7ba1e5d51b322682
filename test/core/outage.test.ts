import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import { createSessions } from '../../src/core/session-manager.ts'
import { delegatingStore } from '../support/delegating-store.ts'
import type { TestData } from '../support/test-app.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

const foreignErrors: readonly unknown[] = [
  new Error('connect ECONNREFUSED 127.0.0.1:5432'),
  Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' }),
  new AggregateError([new Error('one'), new Error('two')]),
  'a text',
  undefined,
  null,
]

suite('a store that fails', () => {
  testOnBoth('to load makes an unavailable session, and the error keeps the cause', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    for (const cause of foreignErrors) {
      app.store.failBefore('load', cause)
      const error = (await app.rejects(browser.visit(), StoreUnavailableError)) as Error & {
        status: number
      }
      assert.equal(error.status, 503)
      assert.equal(error.cause, cause)
      assert.equal(await browser.read((session) => session.get('count')), 1)
    }
    assert.equal(app.eventsOf('store-error').length, foreignErrors.length)
    assert.equal(app.eventsOf('store-error')[0]?.verb, 'load')
  })

  for (const verb of ['create', 'save', 'delete'] as const) {
    for (const when of ['Before', 'After'] as const) {
      testOnBoth(
        `to ${verb}, ${when.toLowerCase()} the effect, fails the response`,
        async (app) => {
          const browser = app.browser()
          if (verb !== 'create') await browser.visit((session) => session.set('count', 1))
          const { cookie } = browser
          app.store[`fail${when}`](verb, new Error('the connection was reset'))
          const visit = browser.visit((session) => {
            if (verb === 'delete') session.destroy()
            else session.set('count', 2)
          })
          await app.rejects(visit, StoreUnavailableError)
          assert.equal(browser.cookie, cookie)
          assert.equal(app.eventsOf('store-error')[0]?.verb, verb)
        },
      )
    }
  }

  testOnBoth('recovers by itself', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    for (let times = 0; times < 10; times++) {
      const request = await browser.request()
      request.session.update('count', (count = 0) => count + 1)
      app.store.failBefore('save')
      await app.rejects(request.end(), StoreUnavailableError)
      await browser.visit((session) => session.update('count', (count = 0) => count + 1))
    }
    assert.equal((await app.data(browser.id))?.count, 10)
  })

  testOnBoth('fails everything that asks it, with a typed error', async (app) => {
    const id = '019b76da-a800-7000-8000-000000000000'
    const asks = [
      ['list', () => app.sessions.list('ada')],
      ['scan', () => app.sessions.count()],
      ['delete', () => app.sessions.revoke(id, { anyPrincipal: true })],
      ['deleteAll', () => app.sessions.revokeAll('ada')],
      ['sweep', () => app.sessions.sweep()],
    ] as const
    for (const [verb, ask] of asks) {
      app.store.failBefore(verb, new Error('the connection was reset'))
      await app.rejects(ask(), StoreUnavailableError)
      await ask()
    }
  })

  testOnBoth('is told by health(), which never throws', async (app) => {
    assert.deepEqual(
      { ...(await app.sessions.health()), latencyMs: 0 },
      {
        ok: true,
        latencyMs: 0,
        error: null,
        lastSweep: null,
      },
    )
    app.store.failBefore('load', new Error('the connection was reset'))
    const health = await app.sessions.health()
    assert.equal(health.ok, false)
    assert.equal(health.error, 'The store failed to load.')
    assert.ok(health.latencyMs >= 0)
    assert.equal((await app.sessions.health()).ok, true)
  })
})

suite('a save whose outcome is unknown', () => {
  testOnBoth('is not repeated by itself, and the next request sees what happened', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    app.store.failAfter('save')
    const visit = browser.visit((session) => session.update('count', (count = 0) => count + 1))
    await app.rejects(visit, StoreUnavailableError)
    assert.equal(app.store.count('save'), 1)
    assert.equal(await browser.read((session) => session.get('count')), 2)
  })

  testOnBoth(
    'of a login leaves no token that works, and the login can be repeated',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      app.store.failAfter('save')
      await app.rejects(
        browser.visit((session) => session.login('ada')),
        StoreUnavailableError,
      )
      assert.equal(await browser.read(({ principal }) => principal), null)
      await browser.visit((session) => session.login('ada'))
      assert.equal(await browser.read(({ principal }) => principal), 'ada')
    },
  )
})

suite('a store that breaks its contract', () => {
  const garbage = [undefined, null, 'saved!', 42, true, {}]

  testOnBoth(
    'by loading something else is unavailable, and nobody becomes anonymous',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      for (const outcome of garbage) {
        app.store.answer('load', outcome)
        await app.rejects(browser.visit(), StoreUnavailableError)
      }
    },
  )

  testOnBoth('by its outcomes is never taken for one that stored something', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    for (const verb of ['create', 'save', 'delete'] as const) {
      for (const outcome of garbage) {
        const visitor = verb === 'create' ? app.browser() : browser
        app.store.answer(verb, outcome)
        const visit = visitor.visit((session) => {
          if (verb === 'delete') session.destroy()
          else session.set('count', 2)
        })
        const error = await app.rejects(visit, StoreUnavailableError)
        assert.match(error.message, new RegExp(verb))
      }
    }
    assert.equal((await app.data(browser.id))?.count, 1)
  })

  testOnBoth('by its counts does not make anything run forever', async (app) => {
    for (const outcome of [...garbage, Number.NaN, -1].filter((one) => one !== 42)) {
      app.store.answer('sweep', outcome)
      await app.rejects(app.sessions.sweep(), StoreUnavailableError)
    }
  })

  test('with promises of its own kind is waited for and typed all the same', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const store = delegatingStore(app.records, {
      load: (...given) => thenable(app.records.load(...given)),
      save: () => thenable(Promise.reject(new Error('the connection was reset'))),
    })
    const sessions = createSessions<TestData>({ store, clock: app.clock, onEvent: () => {} })
    const session = await sessions.open({ cookie: `__Host-session=${browser.cookie}` })
    assert.equal(session.get('count'), 1)
    session.set('count', 2)
    await app.rejects(session.save(), StoreUnavailableError)
  })
})

/** What a client with a promise library of its own returns. */
function thenable<T>(value: T | Promise<T>): Promise<T> {
  const promise = Promise.resolve(value)
  // biome-ignore lint/suspicious/noThenProperty: it is meant to be one
  return { then: promise.then.bind(promise) } as unknown as Promise<T>
}
