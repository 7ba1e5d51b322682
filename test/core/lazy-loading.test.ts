import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionAccessError, StoreUnavailableError } from '../../src/core/errors.ts'
import type { TestSession } from '../support/test-app.ts'
import { TestApp } from '../support/test-app.ts'

const header = (cookie: string | null) => ({ cookie: `__Host-session=${cookie}` })

async function withCookie(app: TestApp) {
  const browser = app.browser()
  await browser.visit(async (session) => {
    await session.load()
    session.set('count', 1)
  })
  app.store.calls.length = 0
  return browser
}

suite('a store that answers at once', () => {
  test('is asked at the first access, and only then', async (t) => {
    const app = new TestApp(t)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    assert.equal(session instanceof Promise, false)
    assert.equal(app.store.count('load'), 0)
    assert.equal(session.accessed, false)
    assert.deepEqual(app.sessions.save(session), { headers: [] })
    assert.equal(session.get('count'), 1)
    assert.equal(session.get('count'), 1)
    assert.equal(app.store.count('load'), 1)
  })

  test('is asked again when it failed at the first access', async (t) => {
    const app = new TestApp(t)
    const browser = await withCookie(app)
    const session = (await app.sessions.open(header(browser.cookie))) as TestSession
    app.store.failBefore('load')
    assert.throws(() => session.get('count'), StoreUnavailableError)
    assert.equal(session.accessed, true)
    assert.equal(session.get('count'), 1)
  })

  test('is not asked at all without a well-formed cookie', async (t) => {
    const app = new TestApp(t)
    const session = (await app.sessions.open(header('rubbish'))) as TestSession
    assert.equal(session.get('count'), undefined)
    await app.sessions.save(session)
    assert.equal(app.store.calls.length, 0)
  })
})

suite('a store that answers later', () => {
  test('is asked before the handler runs, even if it never uses its session', async (t) => {
    const app = new TestApp(t, { asynchronous: true })
    const browser = await withCookie(app)
    const opened = app.sessions.open(header(browser.cookie))
    assert.ok(opened instanceof Promise)
    const session = await opened
    assert.equal(app.store.count('load'), 1)
    assert.equal(session.accessed, false)
    assert.deepEqual(app.sessions.save(session), { headers: [] })
  })

  test('is not asked without a cookie: the session is there at once', async (t) => {
    const app = new TestApp(t, { asynchronous: true })
    const session = app.sessions.open({ cookie: undefined })
    assert.equal(session instanceof Promise, false)
    assert.equal(app.store.calls.length, 0)
  })
})

suite("with load: 'lazy'", () => {
  const options = { asynchronous: true, load: 'lazy' } as const

  test('nothing is loaded until the handler awaits load()', async (t) => {
    const app = new TestApp(t, options)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    assert.equal(app.store.count('load'), 0)
    await session.load()
    assert.equal(session.accessed, false)
    assert.equal(session.get('count'), 1)
    await session.load()
    assert.equal(app.store.count('load'), 1)
  })

  test('every use before load() throws an error that says so', async (t) => {
    const app = new TestApp(t, options)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    const uses: (() => unknown)[] = [
      () => session.id,
      () => session.isNew,
      () => session.principal,
      () => session.permanent,
      () => session.createdAt,
      () => session.get('count'),
      () => session.has('count'),
      () => session.size,
      () => [...session.keys()],
      () => session.toJSON(),
      () => session.data.count,
      () => session.set('count', 2),
      () => session.update('count', () => 2),
      () => session.delete('count'),
      () => session.clear(),
      () => session.login('ada'),
      () => session.rotate(),
      () => session.destroy(),
      () => session.flashes(),
      () => session.csrfToken(),
    ]
    for (const use of uses) {
      assert.throws(use, { name: SessionAccessError.name, code: 'ERR_SESSION_NOT_LOADED' })
    }
    await app.rejects(session.save(), SessionAccessError)
    assert.equal(app.store.calls.length, 0)
  })

  test('a session that was never loaded is not committed', async (t) => {
    const app = new TestApp(t, options)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    assert.deepEqual(await app.sessions.save(session), { headers: [] })
    assert.equal(app.store.calls.length, 0)
  })

  test('a load that fails can be repeated', async (t) => {
    const app = new TestApp(t, options)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    app.store.failBefore('load')
    await app.rejects(session.load(), StoreUnavailableError)
    await session.load()
    assert.equal(session.get('count'), 1)
  })

  test('two loads at once are one session', async (t) => {
    const app = new TestApp(t, options)
    const browser = await withCookie(app)
    const session = app.sessions.open(header(browser.cookie)) as TestSession
    const first = session.load().then(() => session.set('count', 2))
    await Promise.all([first, session.load()])
    assert.equal(session.get('count'), 2)
  })

  test('a visitor without a cookie needs no load()', async (t) => {
    const app = new TestApp(t, options)
    const session = app.sessions.open({ cookie: null }) as TestSession
    assert.equal(session.get('count'), undefined)
    session.set('count', 1)
    assert.equal((await app.sessions.save(session)).headers[0]?.[0], 'Set-Cookie')
  })
})
