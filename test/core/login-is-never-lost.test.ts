import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionLimitError, StoreUnavailableError } from '../../src/core/errors.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

/** A browser with a stored session, and a request of it that is about to log in. */
async function aboutToLogIn(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => session.set('cart', ['pear']))
  const oldId = browser.id
  const request = await browser.request()
  request.session.login('ada')
  request.session.set('count', 1)
  return { browser, request, oldId }
}

async function assertLoggedIn(app: TestApp, browser: TestBrowser) {
  assert.equal(await browser.read(({ principal }) => principal), 'ada')
  assert.deepEqual(await app.data(browser.id), { cart: ['pear'], count: 1 })
}

suite('a login is stored as a new session, with its own cookie and the data it had loaded,', () => {
  const causes: Readonly<Record<string, (app: TestApp, browser: TestBrowser) => Promise<unknown>>> =
    {
      'when the session was revoked': (app, browser) =>
        app.sessions.revoke(browser.id ?? '', { anyPrincipal: true }),
      'when another request destroyed the session': (app, browser) =>
        browser.visit((session) => session.destroy(), { app: app.anotherProcess() }),
      'when another request of this process destroyed the session': (_app, browser) =>
        browser.visit((session) => session.destroy()),
      'when another request emptied the session': (_app, browser) =>
        browser.visit((session) => session.clear()),
      'when the session expired': async (app) => app.clock.advance('1h'),
      'when another request logged in': (_app, browser) =>
        browser.visit((session) => session.login('grace')),
      'when another process logged the same principal in': (app, browser) =>
        browser.visit((session) => session.login('ada'), { app: app.anotherProcess() }),
      'when another request rotated the secret': (app, browser) =>
        browser.visit((session) => session.rotate(), { app: app.anotherProcess() }),
    }
  for (const [cause, happen] of Object.entries(causes)) {
    testOnBoth(cause, async (app) => {
      const { browser, request, oldId } = await aboutToLogIn(app)
      await happen(app, browser)
      const answer = await request.end()
      assert.ok(answer.cookie)
      assert.notEqual(browser.id, oldId)
      await assertLoggedIn(app, browser)
      assert.equal(app.eventsOf('dropped').length, 0)
      assert.deepEqual(app.eventTypes().slice(-2), ['created', 'login'])
      assert.equal(request.session.id, browser.id)
    })
  }

  testOnBoth('when the session is gone only after a conflict', async (app) => {
    const { browser, request, oldId } = await aboutToLogIn(app)
    await browser.visit((session) => session.set('color', 'purple'), { app: app.anotherProcess() })
    app.store.meanwhile('load', () => void app.records.delete(oldId ?? ''))
    await request.end()
    assert.notEqual(browser.id, oldId)
    await assertLoggedIn(app, browser)
  })

  testOnBoth('when the data of the session became unreadable meanwhile', async (app) => {
    for (const data of ['{', JSON.stringify({ v: 99, data: {} })]) {
      const { browser, request, oldId } = await aboutToLogIn(app)
      const record = await app.record(oldId)
      assert.ok(record)
      await app.records.save({ ...record, data }, record.version, app.clock.now())
      const answer = await request.end()
      assert.ok(answer.cookie)
      assert.notEqual(browser.id, oldId)
      await assertLoggedIn(app, browser)
      assert.equal((await app.record(oldId))?.data, data)
    }
  })

  testOnBoth('with the data that it keeps', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('cart', ['pear'])
      session.set('color', 'purple')
    })
    const request = await browser.request()
    await browser.visit((session) => session.destroy())
    request.session.login('ada', { keep: ['cart'] })
    await request.end()
    assert.deepEqual(await app.data(browser.id), { cart: ['pear'] })
  })

  testOnBoth('without the data of another principal', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.login('grace')
      session.set('cart', ['pear'])
    })
    const request = await browser.request()
    await browser.visit((session) => session.destroy())
    request.session.login('ada')
    await request.end()
    assert.deepEqual(await app.data(browser.id), {})
  })
})

suite('a login goes into its session', () => {
  testOnBoth('when others only changed data meanwhile, and keeps that data', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const { browser, request, oldId } = await aboutToLogIn(app)
      await browser.visit((session) => session.set('color', 'purple'), { app: other })
      await request.end()
      assert.equal(browser.id, oldId)
      const expected = { cart: ['pear'], color: 'purple', count: 1 }
      assert.deepEqual(await app.data(browser.id), expected)
    }
  })

  testOnBoth(
    'and keeps only the keys to keep, also of what others added meanwhile',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('cart', ['pear']))
      const request = await browser.request()
      await browser.visit((session) => session.set('color', 'purple'))
      request.session.login('ada', { keep: ['cart'] })
      await request.end()
      assert.deepEqual(await app.data(browser.id), { cart: ['pear'] })
    },
  )
})

suite('two logins at once', () => {
  testOnBoth('each get a session, and whichever answer arrives last is logged in', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.set('cart', ['pear']))
      const [first, second] = [await browser.request(), await browser.request({ app: other })]
      for (const { session } of [first, second]) session.login('ada')
      const answers = await Promise.all([first.send(), second.send()])
      for (const answer of answers) {
        browser.receive(answer)
        assert.equal(await browser.read(({ principal }) => principal), 'ada')
        assert.deepEqual(await browser.read((session) => session.get('cart')), ['pear'])
      }
      assert.notEqual(answers[0]?.cookie?.slice(0, 36), answers[1]?.cookie?.slice(0, 36))
    }
  })

  testOnBoth(
    'with the limit of one session leave one',
    async (app) => {
      const browser = app.browser()
      const [first, second] = [await browser.request(), await browser.request()]
      for (const { session } of [first, second]) session.login('eve')
      await Promise.all([first.end(), second.end()])
      assert.equal((await app.sessions.list('eve')).length, 1)
    },
    { maxPerPrincipal: 1 },
  )
})

suite('a login that is asked for while an earlier save is under way', () => {
  testOnBoth('changes the secret although that save fails', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { cookie } = browser
    const { session, end } = await browser.request()
    app.store.failBefore('save')
    session.set('count', 1)
    const saved = app.rejects(session.save(), StoreUnavailableError)
    session.login('ada')
    await saved
    const answer = await end()
    assert.ok(answer.cookie)
    assert.notEqual(answer.cookie, cookie)
    await assertLoggedIn(app, browser)
  })

  testOnBoth('is not dropped although that save finds the session gone', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { session, end } = await browser.request()
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    session.set('count', 1)
    const saved = session.save().catch(() => {})
    session.login('ada')
    await saved
    await end()
    await assertLoggedIn(app, browser)
  })

  testOnBoth('changes the secret of the session that this save creates', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    session.set('cart', ['pear'])
    const saved = session.save()
    session.login('ada')
    session.set('count', 1)
    await saved
    const [{ secretHash } = { secretHash: '' }] = app.store.calls
      .filter(({ verb }) => verb === 'create')
      .map(({ given }) => given[0] as { secretHash: string })
    await end()
    await assertLoggedIn(app, browser)
    assert.notEqual((await app.record(browser.id))?.secretHash, secretHash)
    assert.equal(app.eventsOf('login').length, 1)
  })

  test('counts for the limit of sessions', async (t) => {
    const limit = { max: 1, onExceed: 'reject' } as const
    const app = new TestApp(t, { maxPerPrincipal: limit })
    await app.browser().visit((session) => session.login('ada'))
    const { session, end } = await app.browser().request()
    session.set('cart', ['pear'])
    const saved = session.save()
    session.login('ada')
    await saved
    await app.rejects(end(), SessionLimitError)
  })
})
