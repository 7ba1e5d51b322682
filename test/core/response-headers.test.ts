import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseSetCookie } from 'cookie'
import type { SessionEvent } from '../../src/core/events.ts'
import { resolveOptions, type SessionsOptions } from '../../src/core/options.ts'
import { ResponseHeaders } from '../../src/core/response-headers.ts'
import { jsonSerializer } from '../../src/core/serializer.ts'
import type { SessionResponse } from '../../src/core/session-interface.ts'
import type { SessionRecord } from '../../src/core/session-record.ts'
import { createSecret, createSessionId, formatToken } from '../../src/core/session-token.ts'
import { Visit } from '../../src/core/visit.ts'
import { memoryStore } from '../../src/memory.ts'
import { manualClock } from '../../src/testing.ts'

const DAY = 86_400_000
const clock = manualClock()
const token = { id: createSessionId(clock.now()), secret: createSecret() }
const record: SessionRecord = {
  id: token.id,
  secretHash: 'sha256:',
  previousSecretHash: null,
  previousSecretUntil: null,
  principal: null,
  data: '{"v":1,"data":{}}',
  version: 1,
  createdAt: clock.now(),
  lastSeenAt: clock.now(),
  idleTimeout: 600_000,
  absoluteExpiresAt: clock.now() + DAY,
  expiresAt: clock.now() + 600_000,
  persistent: false,
  userAgent: null,
  ip: null,
}

type Use = 'unused' | 'read' | 'began' | 'ended'

function setUp(options: Partial<SessionsOptions<object>> = {}) {
  const events: SessionEvent[] = []
  const headers = new ResponseHeaders(
    resolveOptions({
      store: memoryStore(),
      clock,
      onEvent: (event) => events.push(event),
      ...options,
    }),
  )
  return {
    events,
    of(use: Use, response: SessionResponse = {}, secure?: boolean, stored = record) {
      const visit = new Visit({ cookie: null, secure }, [], jsonSerializer, 0)
      visit.accessed = use !== 'unused'
      if (use === 'began') visit.issued = { token, record: stored }
      if (use === 'ended') visit.ended(record.id)
      return Object.fromEntries(headers.of(visit, response).headers)
    },
  }
}

suite('Set-Cookie', () => {
  test('is there only when the session began or ended', () => {
    const { of } = setUp()
    assert.equal(of('unused')['Set-Cookie'], undefined)
    assert.equal(of('read')['Set-Cookie'], undefined)
    assert.equal(
      of('began')['Set-Cookie'],
      `__Host-session=${formatToken(token)}; Path=/; HttpOnly; Secure; SameSite=Lax`,
    )
    assert.equal(
      of('ended')['Set-Cookie'],
      '__Host-session=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    )
  })

  const timeLeft: [absoluteExpiresAt: number, maxAge: number][] = [
    [clock.now() + DAY, 86_400],
    [clock.now() + 1999, 1],
    [clock.now() + 999, 0],
    [clock.now(), 0],
    [clock.now() - 1, 0],
  ]
  for (const [absoluteExpiresAt, maxAge] of timeLeft) {
    test(`of a persistent session has the ${maxAge} seconds left as Max-Age`, () => {
      const stored = { ...record, persistent: true, absoluteExpiresAt }
      const header = setUp().of('began', {}, undefined, stored)['Set-Cookie']
      assert.equal(parseSetCookie(header as string).maxAge, maxAge)
    })
  }

  test('of another session has no Max-Age: it ends with the browser', () => {
    const header = setUp().of('began')['Set-Cookie']
    assert.equal(parseSetCookie(header as string).maxAge, undefined)
  })
})

suite('Vary', () => {
  const merged: [given: string | null | undefined, result: string | undefined][] = [
    [undefined, 'Cookie'],
    [null, 'Cookie'],
    ['', 'Cookie'],
    ['Accept-Encoding', 'Accept-Encoding, Cookie'],
    ['Accept-Encoding, Origin', 'Accept-Encoding, Origin, Cookie'],
    ['X-Cookie', 'X-Cookie, Cookie'],
    ['Cookie2', 'Cookie2, Cookie'],
    ['Set-Cookie', 'Set-Cookie, Cookie'],
    ['Cookie', undefined],
    ['cookie', undefined],
    ['Accept,COOKIE', undefined],
    ['Cookie, Accept', undefined],
    ['Accept , Cookie , Origin', undefined],
    ['*', undefined],
    ['Accept, *', undefined],
  ]
  for (const [given, result] of merged) {
    test(`with ${JSON.stringify(given)} of the app becomes ${result ?? 'nothing else'}`, () => {
      const { of } = setUp()
      for (const use of ['read', 'began', 'ended'] as const) {
        assert.equal(of(use, { vary: given })['Vary'], result)
      }
      assert.equal(of('unused', { vary: given })['Vary'], undefined)
    })
  }
})

suite('Cache-Control', () => {
  test('is private where the session was used and the app has set none', () => {
    const { of } = setUp()
    for (const cacheControl of [undefined, null, '']) {
      assert.equal(of('unused', { cacheControl })['Cache-Control'], undefined)
      for (const use of ['read', 'began', 'ended'] as const) {
        assert.equal(of(use, { cacheControl })['Cache-Control'], 'private')
      }
    }
  })

  const uncached = [
    'no-store',
    'No-Store',
    'private',
    'PRIVATE',
    'private, max-age=0',
    'no-store, max-age=0',
    'max-age=0,no-store',
    'max-age=60 , private',
    'no-cache, no-store, must-revalidate',
  ]
  for (const cacheControl of uncached) {
    test(`${cacheControl} stays as the app has set it`, () => {
      const { of, events } = setUp()
      for (const use of ['read', 'began', 'ended'] as const) {
        assert.equal(of(use, { cacheControl })['Cache-Control'], undefined)
      }
      assert.deepEqual(events, [])
    })
  }

  const cached = [
    'public',
    'public, max-age=3600',
    'public, s-maxage=60',
    'max-age=60',
    'no-cache',
    'must-revalidate',
    'private="set-cookie"',
    'private="x", max-age=60',
    'no-cache="set-cookie"',
    'not-private',
    'privateer',
    'x-no-store',
    'no-storey',
  ]
  for (const cacheControl of cached) {
    test(`${cacheControl} becomes no-store with our cookie, and stays without`, () => {
      const { of, events } = setUp()
      assert.equal(of('read', { cacheControl })['Cache-Control'], undefined)
      assert.deepEqual(events, [])
      assert.equal(of('began', { cacheControl })['Cache-Control'], 'no-store')
      assert.equal(of('ended', { cacheControl })['Cache-Control'], 'no-store')
      assert.equal(events.length, 1)
    })
  }

  test('that is replaced is told of once, with what it was', () => {
    const { of, events } = setUp()
    of('began', { cacheControl: 'public, max-age=3600' })
    of('ended', { cacheControl: 'max-age=60' })
    assert.deepEqual(
      events.map(({ type }) => type),
      ['cache-control-replaced'],
    )
    assert.match((events[0] as { message: string }).message, /public, max-age=3600/)
  })
})

suite('a Secure cookie over plain HTTP', () => {
  test('is sent all the same, and told of once with the cause and the fix', () => {
    const { of, events } = setUp()
    assert.ok(of('began', {}, false)['Set-Cookie'])
    assert.ok(of('ended', {}, false)['Set-Cookie'])
    assert.deepEqual(
      events.map(({ type }) => type),
      ['insecure-transport'],
    )
    const { message } = events[0] as { message: string }
    for (const part of [
      '__Host-session',
      'localhost',
      'Safari',
      'X-Forwarded-Proto',
      'secure: false',
    ]) {
      assert.ok(message.includes(part), part)
    }
    assert.ok(!message.includes(token.secret))
  })

  test('is not told of when nobody knows, when the link is secure, or without a cookie', () => {
    const { of, events } = setUp()
    of('began', {}, undefined)
    of('began', {}, true)
    of('read', {}, false)
    of('unused', {}, false)
    assert.deepEqual(events, [])
  })

  test('is not told of when the app has chosen secure: false', () => {
    const { of, events } = setUp({ cookie: { secure: false } })
    assert.match(
      of('began', {}, false)['Set-Cookie'] as string,
      /^session=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    assert.deepEqual(events, [])
  })
})

test('a session that was not used leaves the response alone', () => {
  assert.deepEqual(setUp().of('unused', { cacheControl: 'public', vary: 'Accept' }), {})
})
