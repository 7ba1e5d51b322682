import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { jsonSerializer } from '../../src/core/serializer.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

const secret = 'A'.repeat(43)
const unknownId = '019b76da-a800-7000-8000-000000000000'

async function forgerOf(app: TestApp): Promise<{ victim: TestBrowser; forger: TestBrowser }> {
  const [victim, forger] = [app.browser(), app.browser()]
  await victim.visit((session) => {
    session.login('ada')
    session.set('name', 'Ada Lovelace')
  })
  forger.cookie = `${victim.id}.${secret}`
  app.events.length = 0
  return { victim, forger }
}

suite('a cookie with an unknown id', () => {
  testOnBoth('is an anonymous visitor: no row, no cookie, one event a minute', async (app) => {
    const browser = app.browser()
    browser.cookie = `${unknownId}.${secret}`
    for (let times = 0; times < 3; times++) {
      const answer = await browser.visit((session) => {
        assert.equal(session.isNew, true)
        assert.equal(session.id, null)
        session.destroy()
      })
      assert.equal(answer.cookie, null)
    }
    assert.deepEqual(app.events, [{ type: 'rejected', id: unknownId, reason: 'unknown-id' }])
    app.clock.advance('1m')
    await browser.visit()
    assert.equal(app.events.length, 2)
    assert.equal(app.store.count('create', 'save', 'touch', 'delete'), 0)
  })

  testOnBoth('is never adopted: a write makes an id and a secret of the server', async (app) => {
    const browser = app.browser()
    browser.cookie = `${unknownId}.${secret}`
    await browser.visit((session) => session.set('count', 1))
    assert.notEqual(browser.id, unknownId)
    assert.equal(browser.cookie?.includes(secret), false)
    assert.equal(await app.record(unknownId), undefined)
  })
})

suite('a cookie with a wrong secret', () => {
  testOnBoth('learns and changes nothing', async (app) => {
    const { victim, forger } = await forgerOf(app)
    app.clock.advance('9m')
    const row = await app.record(victim.id)
    const answer = await forger.visit(async (session) => {
      assert.equal(session.principal, null)
      assert.equal(session.size, 0)
      assert.deepEqual(session.flashes(), [])
      session.rotate()
      session.clear()
      session.destroy()
      await session.save()
      await session.reload()
    })
    assert.equal(answer.cookie, null)
    assert.deepEqual(await app.record(victim.id), row)
    assert.equal(app.store.count('save', 'touch', 'delete'), 0)
    assert.equal(app.store.count('create'), 1)
    const reason = 'wrong-secret'
    assert.deepEqual(app.events, [{ type: 'rejected', id: victim.id, reason }])
  })

  testOnBoth('may begin a session of its own, and the other one stays', async (app) => {
    const { victim, forger } = await forgerOf(app)
    await forger.visit((session) => session.set('count', 1))
    assert.notEqual(forger.id, victim.id)
    assert.equal(await victim.read(({ principal }) => principal), 'ada')
  })

  test('does not make anybody parse the payload', async (t) => {
    let parsed = 0
    const app = new TestApp(t, {
      serializer: {
        ...jsonSerializer,
        parse: (stored) => {
          parsed++
          return jsonSerializer.parse(stored)
        },
      },
    })
    const { victim, forger } = await forgerOf(app)
    parsed = 0
    await forger.visit((session) => session.set('count', 1))
    assert.equal(parsed, 0)
    await victim.visit()
    assert.equal(parsed, 1)
  })

  testOnBoth('ends nothing when it comes beside the right one', async (app) => {
    const { victim } = await forgerOf(app)
    const right = `__Host-session=${victim.cookie}`
    const wrong = `__Host-session=${victim.id}.${secret}`
    for (const cookie of [`${right}; ${wrong}`, `${wrong}; ${right}`]) {
      const session = await app.sessions.open({ cookie })
      assert.equal(session.principal, 'ada')
      assert.deepEqual((await app.sessions.save(session)).headers.length, 2)
    }
    assert.equal(app.eventsOf('duplicate-cookies').length, 0)
  })
})

suite('a flood of forged cookies', () => {
  test('leaves no row, and each malformed one costs no query', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    const malformed = [
      'x',
      unknownId,
      `${unknownId}.`,
      `${unknownId}.${secret}x`,
      `${unknownId}.${secret.slice(1)}`,
      `${unknownId.toUpperCase()}.${secret}`,
      `${unknownId}.${secret.slice(1)}=`,
      `"${unknownId}.${secret}"`,
      `${unknownId.replace('-7', '-4')}.${secret}`,
    ]
    for (const cookie of malformed) {
      browser.cookie = cookie
      const answer = await browser.visit((session) => session.get('name'))
      assert.equal(answer.cookie, null)
    }
    assert.equal(app.store.calls.length, 0)
    assert.equal(app.events.length, 0)
    for (let index = 0; index < 200; index++) {
      browser.cookie = `${unknownId.slice(0, -3)}${100 + index}.${secret}`
      await browser.visit((session) => session.get('name'))
    }
    assert.deepEqual(await app.sessions.count(), 0)
    assert.equal(app.store.count('load'), 200)
  })
})

suite('a hash', () => {
  testOnBoth('that no configured pepper made is unusable, and says so', async (app) => {
    const peppered = app.anotherProcess({ pepper: 'the first pepper of the app' })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1), { app: peppered })
    await browser.visit((session) => assert.equal(session.isNew, true))
    const reason = 'unusable-hash'
    assert.deepEqual(app.eventsOf('rejected'), [{ type: 'rejected', id: browser.id, reason }])
  })
})
