import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionDataError, SessionOptionsError } from '../../src/core/errors.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

async function logIn(app: TestApp, principal = 'ada'): Promise<TestBrowser> {
  const browser = app.browser()
  await browser.visit((session) => session.login(principal))
  app.clock.advance('1s')
  return browser
}

const principalOf = (browser: TestBrowser) => browser.read(({ principal }) => principal)

suite('revoke()', () => {
  testOnBoth('ends a session of the principal', async (app) => {
    const browser = await logIn(app)
    assert.equal(await app.sessions.revoke(browser.id ?? '', { principal: 'ada' }), true)
    assert.equal(await principalOf(browser), null)
    assert.equal(await app.sessions.revoke(browser.id ?? '', { principal: 'ada' }), false)
    assert.deepEqual(app.eventsOf('revoked'), [{ type: 'revoked', id: browser.id }])
  })

  testOnBoth('does not end a session of somebody else, or of nobody', async (app) => {
    const [grace, guest] = [await logIn(app, 'grace'), app.browser()]
    await guest.visit((session) => session.set('count', 1))
    for (const browser of [grace, guest]) {
      assert.equal(await app.sessions.revoke(browser.id ?? '', { principal: 'ada' }), false)
      assert.equal(await browser.read(({ isNew }) => isNew), false)
    }
    assert.equal(app.eventsOf('revoked').length, 0)
  })

  testOnBoth('ends any session with { anyPrincipal: true }', async (app) => {
    const [grace, guest] = [await logIn(app, 'grace'), app.browser()]
    await guest.visit((session) => session.set('count', 1))
    for (const browser of [grace, guest]) {
      assert.equal(await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true }), true)
      assert.equal(await browser.read(({ isNew }) => isNew), true)
    }
  })

  testOnBoth('has to be told whose session it may end', async (app) => {
    const browser = await logIn(app)
    const unclear = [
      undefined,
      null,
      {},
      { principal: undefined },
      { principal: null },
      { principal: 7 },
      { anyPrincipal: false },
      { anyPrincipal: 'true' },
      { principal: undefined, anyPrincipal: undefined },
      'ada',
    ]
    for (const of of unclear) {
      await app.rejects(
        app.sessions.revoke(browser.id ?? '', of as { principal: string }),
        SessionOptionsError,
      )
    }
    assert.equal(await principalOf(browser), 'ada')
  })

  testOnBoth('of what is no id asks nothing of the store', async (app) => {
    const browser = await logIn(app)
    const calls = app.store.calls.length
    const upperCase = browser.id?.toUpperCase()
    for (const id of ['', 'x', `${browser.id} `, browser.cookie, upperCase, null, 7, {}, ['a']]) {
      assert.equal(await app.sessions.revoke(id as string, { anyPrincipal: true }), false)
    }
    assert.equal(app.store.calls.length, calls)
    assert.equal(await principalOf(browser), 'ada')
  })
})

suite('revokeAll()', () => {
  testOnBoth('ends all sessions of the principal, and no other', async (app) => {
    const [first, second, grace] = [await logIn(app), await logIn(app), await logIn(app, 'grace')]
    assert.equal(await app.sessions.revokeAll('ada'), 2)
    assert.deepEqual(
      [await principalOf(first), await principalOf(second), await principalOf(grace)],
      [null, null, 'grace'],
    )
    const event = { type: 'revoked-all', principal: 'ada', count: 2 } as const
    assert.deepEqual(app.eventsOf('revoked-all'), [event])
  })

  testOnBoth('leaves the one that is excepted', async (app) => {
    const [first, second] = [await logIn(app), await logIn(app)]
    assert.equal(await app.sessions.revokeAll('ada', { except: first.id }), 1)
    assert.deepEqual([await principalOf(first), await principalOf(second)], ['ada', null])
  })

  testOnBoth('with no exception ends all: null and an unknown id except nothing', async (app) => {
    for (const except of [null, undefined, 'x', '019b76da-a800-7000-8000-000000000000']) {
      const browser = await logIn(app)
      const options = except === undefined ? {} : { except }
      assert.equal(await app.sessions.revokeAll('ada', options), 1)
      assert.equal(await principalOf(browser), null)
    }
  })

  testOnBoth('needs a principal', async (app) => {
    for (const wrong of ['', null, undefined, 7]) {
      await app.rejects(app.sessions.revokeAll(wrong as string), SessionDataError)
    }
  })
})

suite('list()', () => {
  testOnBoth('shows the live sessions of a principal, newest first', async (app) => {
    await logIn(app, 'grace')
    const browsers = [await logIn(app), await logIn(app), await logIn(app)]
    const infos = await app.sessions.list('ada')
    assert.deepEqual(
      infos.map(({ id }) => id),
      browsers.map(({ id }) => id).reverse(),
    )
    assert.deepEqual(Object.keys(infos[0] ?? {}), [
      'id',
      'principal',
      'createdAt',
      'lastSeenAt',
      'expiresAt',
      'persistent',
      'userAgent',
      'ip',
    ])
    app.clock.advance('1h')
    assert.deepEqual(await app.sessions.list('ada'), [])
  })

  testOnBoth('goes page by page, after the id that ended the page before', async (app) => {
    for (let count = 0; count < 7; count++) await logIn(app)
    const all = (await app.sessions.list('ada')).map(({ id }) => id)
    const paged: string[] = []
    for (;;) {
      const after = paged.at(-1)
      const page = await app.sessions.list('ada', {
        limit: 3,
        ...(after !== undefined && { after }),
      })
      paged.push(...page.map(({ id }) => id))
      if (page.length < 3) break
    }
    assert.deepEqual(paged, all)
    assert.equal(all.length, 7)
  })

  testOnBoth('refuses a page of no size that makes sense', async (app) => {
    for (const limit of [0, -1, 1.5, Number.NaN, '10', 1001]) {
      await app.rejects(app.sessions.list('ada', { limit: limit as number }), SessionOptionsError)
    }
  })

  testOnBoth('of somebody without sessions is empty', async (app) => {
    assert.deepEqual(await app.sessions.list('ada'), [])
  })
})

suite('count()', () => {
  test('walks over all live sessions, page by page', async (t) => {
    const app = new TestApp(t)
    const visits = Array.from({ length: 1203 }, () =>
      app.browser().visit((session) => session.set('count', 1)),
    )
    await Promise.all(visits)
    assert.equal(await app.sessions.count(), 1203)
    assert.equal(app.store.count('scan'), 3)
    app.clock.advance('10m')
    assert.equal(await app.sessions.count(), 0)
  })
})
