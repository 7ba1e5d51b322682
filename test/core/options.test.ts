import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import { systemClock } from '../../src/core/clock.ts'
import { SessionOptionsError } from '../../src/core/errors.ts'
import { resolveOptions, type SessionsOptions } from '../../src/core/options.ts'
import { jsonSerializer } from '../../src/core/serializer.ts'
import { memoryStore } from '../../src/memory.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const store = memoryStore()
const anonymous = { principal: null, permanent: false, id: null, createdAt: null }
const permanent = { ...anonymous, permanent: true }

function resolve(options: Partial<SessionsOptions<object>> = {}) {
  return resolveOptions({ store, ...options })
}

suite('without options but a store', () => {
  const resolved = resolve()

  test('a session ends after 10 minutes without use, a permanent one after 31 days', () => {
    assert.equal(resolved.idleTimeout(anonymous), 10 * MINUTE)
    assert.equal(resolved.idleTimeout(permanent), 31 * DAY)
    assert.equal(resolved.absoluteTimeout, 31 * DAY)
  })

  test('the store has 5 seconds, and expired records are swept every 5 minutes', () => {
    assert.equal(resolved.storeTimeout, 5000)
    assert.equal(resolved.sweepInterval, 5 * MINUTE)
  })

  test('everything else has the default that is documented', () => {
    assert.equal(resolved.store, store)
    assert.equal(resolved.cookie.name, '__Host-session')
    assert.equal(resolved.serializer, jsonSerializer)
    assert.equal(resolved.clock, systemClock)
    assert.equal(resolved.maxDataBytes, 65_536)
    assert.equal(resolved.schema, undefined)
    assert.equal(resolved.limit, undefined)
    assert.equal(resolved.rotateAfter, null)
    assert.equal(resolved.lazy, false)
    assert.equal(resolved.anonymousWhenDown, false)
    assert.match(resolved.hasher.hash('secret'), /^sha256:/)
  })

  test('options given as undefined mean their defaults', () => {
    const names = [
      'idleTimeout',
      'cookie',
      'pepper',
      'schema',
      'maxPerPrincipal',
      'onEvent',
      'load',
    ]
    const options = Object.fromEntries(names.map((name) => [name, undefined]))
    assert.equal(resolve(options).idleTimeout(anonymous), 10 * MINUTE)
  })
})

suite('an option', () => {
  test('changes what it is for', () => {
    const clock = { now: () => 1 }
    const resolved = resolve({
      idleTimeout: '1h',
      permanentTimeout: '7d',
      absoluteTimeout: { days: 8 },
      cookie: { name: 'app' },
      pepper: 'a pepper of sufficient length',
      maxDataBytes: 1,
      rotateAfter: '15m',
      load: 'lazy',
      storeTimeout: '1s',
      onStoreUnavailable: 'anonymous',
      sweepInterval: false,
      clock,
    })
    assert.equal(resolved.idleTimeout(anonymous), 60 * MINUTE)
    assert.equal(resolved.idleTimeout(permanent), 7 * DAY)
    assert.equal(resolved.absoluteTimeout, 8 * DAY)
    assert.equal(resolved.cookie.name, 'app')
    assert.match(resolved.hasher.hash('secret'), /^hmac-sha256:/)
    assert.equal(resolved.maxDataBytes, 1)
    assert.equal(resolved.rotateAfter, 15 * MINUTE)
    assert.equal(resolved.lazy, true)
    assert.equal(resolved.storeTimeout, 1000)
    assert.equal(resolved.anonymousWhenDown, true)
    assert.equal(resolved.sweepInterval, null)
    assert.equal(resolved.clock, clock)
  })

  test('idleTimeout may be a function of the session', () => {
    const { idleTimeout } = resolve({
      idleTimeout: ({ principal }) => (principal === 'admin' ? '5m' : { hours: 1 }),
    })
    assert.equal(idleTimeout({ ...anonymous, principal: 'admin' }), 5 * MINUTE)
    assert.equal(idleTimeout(anonymous), 60 * MINUTE)
  })

  test('idleTimeout that returns no duration is refused when it does', () => {
    const { idleTimeout } = resolve({ idleTimeout: () => 5 as never })
    assert.throws(() => idleTimeout(anonymous), {
      name: 'SessionOptionsError',
      message: /^the result of idleTimeout: the bare number 5 is not a duration/,
    })
  })

  test('absoluteTimeout shortens the default of permanentTimeout', () => {
    assert.equal(resolve({ absoluteTimeout: '1d' }).idleTimeout(permanent), DAY)
    assert.equal(resolve({ absoluteTimeout: '60d' }).idleTimeout(permanent), 31 * DAY)
  })

  test('pepper may be a list, which has the newest first', () => {
    const [older, newer] = ['an older pepper, long enough', 'a newer pepper, long enough']
    const rotated = resolve({ pepper: [newer, Buffer.from(older)], pepperOnly: true }).hasher
    const before = resolve({ pepper: older }).hasher.hash('secret')
    assert.equal(rotated.compare('secret', before), 'match')
    assert.equal(rotated.isOutdated(before), true)
    assert.equal(rotated.hash('secret'), resolve({ pepper: newer }).hasher.hash('secret'))
  })

  test('maxPerPrincipal as a number means that the oldest session gives way', () => {
    assert.deepEqual(resolve({ maxPerPrincipal: 3 }).limit, { max: 3, onExceed: 'evict-oldest' })
    const limit = { max: 1, onExceed: 'reject' } as const
    assert.deepEqual(resolve({ maxPerPrincipal: limit }).limit, limit)
  })

  test('schema may be a function that has the interface, as that of ArkType is', () => {
    const schema = Object.assign(() => {}, {
      '~standard': { version: 1, vendor: 'test', validate: () => ({}) },
    } as const)
    assert.equal(resolve({ schema }).schema, schema)
  })
})

suite('an option that cannot be', () => {
  const pepper = 'a pepper of sufficient length'
  const duration = /is not a duration/
  const refused: [options: unknown, message: RegExp][] = [
    [undefined, /^options: undefined is given; pass an object/],
    [null, /^options: null is given/],
    ['sessions.db', /^options: 'sessions.db' is given/],
    [{}, /^store: none is given\. Pass one, for example sqliteStore/],
    [{ store: null }, /^store: none is given/],
    [{ store: undefined }, /^store: none is given/],
    [{ store: 'sessions.db' }, /^store: it has no create\(\)/],
    [{ store: {} }, /^store: it has no create\(\)/],
    [{ store: Object.create(store, { deleteAll: {} }) }, /^store: it has no deleteAll\(\)/],
    [
      { store, secret: 'keyboard cat' },
      /^secret: there is no such option\. Known are: store, idle/,
    ],
    [{ store, resave: false }, /^resave: there is no such option/],
    [{ store, ttl: 5 }, /^ttl: there is no such option/],
    [{ store, IdleTimeout: '5m' }, /^IdleTimeout: there is no such option/],
    [{ store, idleTimeout: 600 }, /^idleTimeout: the bare number 600 is not a duration/],
    [{ store, idleTimeout: null }, /^idleTimeout: null is not a duration/],
    [{ store, permanentTimeout: '31 days' }, /^permanentTimeout: '31 days' is not a duration/],
    [{ store, permanentTimeout: '32d' }, /^permanentTimeout: it is longer than absoluteTimeout/],
    [{ store, absoluteTimeout: '1d', permanentTimeout: '2d' }, /^permanentTimeout: it is longer/],
    [{ store, absoluteTimeout: null }, /^absoluteTimeout: null is not a duration/],
    [{ store, absoluteTimeout: '-1d' }, /^absoluteTimeout: '-1d' is not a duration/],
    [{ store, rotateAfter: 0 }, /^rotateAfter: the bare number 0/],
    [{ store, rotateAfter: null }, /^rotateAfter: null is not/],
    [{ store, storeTimeout: 5000 }, /^storeTimeout: the bare number 5000/],
    [{ store, storeTimeout: false }, /^storeTimeout: false is not a duration/],
    [{ store, storeTimeout: '25d' }, /^storeTimeout: '25d' is longer than the 24 days of a timer/],
    [{ store, sweepInterval: true }, /^sweepInterval: true is not a duration/],
    [{ store, sweepInterval: null }, /^sweepInterval: null is not/],
    [{ store, sweepInterval: 0 }, /^sweepInterval: the bare number 0/],
    [{ store, cookie: null }, /^cookie: null is given/],
    [{ store, cookie: { maxAge: 1 } }, /^cookie: there is no option maxAge/],
    [{ store, serializer: null }, /^serializer: it is no serializer: it has no stringify\(\)/],
    [{ store, serializer: { stringify() {} } }, /^serializer: .* no parse\(\)/],
    [{ store, pepper: 5 }, /^pepper: each must be a text or bytes, at least 16 long/],
    [{ store, pepper: null }, /^pepper: each must be/],
    [{ store, pepper: 'too short' }, /^pepper: each must be/],
    [{ store, pepper: new Uint8Array(15) }, /^pepper: each must be/],
    [{ store, pepper: [pepper, undefined] }, /^pepper: each must be/],
    [{ store, pepper: new Set([pepper]) }, /^pepper: each must be/],
    [{ store, pepper, pepperOnly: 'yes' }, /^pepperOnly: 'yes' is given; it must be a boolean/],
    [{ store, pepper, pepperOnly: null }, /^pepperOnly: null is given/],
    [{ store, pepperOnly: true }, /^pepperOnly: it refuses every session while no pepper/],
    [{ store, pepper: [], pepperOnly: true }, /^pepperOnly: it refuses every session/],
    [{ store, schema: null }, /^schema: it is no schema: it has no validate\(\)/],
    [{ store, schema: {} }, /^schema: it is no schema/],
    [{ store, schema: { '~standard': {} } }, /^schema: .* no validate\(\)/],
    [{ store, schema: { parse() {} } }, /^schema: /],
    [{ store, maxDataBytes: '64KB' }, /^maxDataBytes: '64KB' is not a whole number of bytes/],
    [{ store, maxDataBytes: 0 }, /^maxDataBytes: 0 is not/],
    [{ store, maxDataBytes: 1.5 }, /^maxDataBytes: 1.5 is not/],
    [{ store, maxDataBytes: Number.POSITIVE_INFINITY }, /^maxDataBytes: Infinity is not/],
    [{ store, maxDataBytes: Symbol('x') }, /^maxDataBytes: Symbol\(x\) is not/],
    [{ store, maxDataBytes: 64n }, /^maxDataBytes: 64n is not/],
    [{ store, maxDataBytes: null }, /^maxDataBytes: null is not/],
    [
      { store, maxPerPrincipal: 0 },
      /^maxPerPrincipal: 0 is given; it must be a whole number from 1/,
    ],
    [{ store, maxPerPrincipal: '5' }, /^maxPerPrincipal: '5' is given/],
    [{ store, maxPerPrincipal: null }, /^maxPerPrincipal: null is given/],
    [{ store, maxPerPrincipal: {} }, /^maxPerPrincipal: undefined is given/],
    [{ store, maxPerPrincipal: { max: 2 } }, /^maxPerPrincipal.onExceed: undefined is given/],
    [
      { store, maxPerPrincipal: { max: 2, onExceed: 'evict' } },
      /^maxPerPrincipal.onExceed: 'evict' is given; allowed are 'evict-oldest' and 'reject'/,
    ],
    [{ store, load: true }, /^load: true is given; allowed are 'eager' and 'lazy'/],
    [{ store, load: null }, /^load: null is given/],
    [{ store, load: 1n }, /^load: 1n is given/],
    [{ store, onStoreUnavailable: 'throw' }, /^onStoreUnavailable: 'throw' is given; allowed are/],
    [{ store, onEvent: console }, /^onEvent: .* is given; it must be a function/],
    [{ store, onEvent: null }, /^onEvent: null is given/],
    [{ store, clock: {} }, /^clock: it is no clock: it has no now\(\)/],
    [{ store, clock: null }, /^clock: it is no clock/],
    [{ store, clock: Date.now }, /^clock: it is no clock/],
    [{ store, idleTimeout: {} }, duration],
  ]
  for (const [options, message] of refused) {
    const { store: _, ...shown } = Object(options ?? { store: options })
    test(`is refused at once, and named: ${inspect(shown, { breakLength: 200 })}`, () => {
      assert.throws(
        () => resolveOptions(options as SessionsOptions<object>),
        (error) => {
          assert.ok(error instanceof SessionOptionsError, String(error))
          assert.equal(error.code, 'ERR_SESSION_OPTIONS')
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  test('is not shown if it may hold a key or a password', () => {
    const secret = { key: 'hunter2', password: 'hunter2' }
    for (const options of [
      { store: { ...secret } },
      { store, serializer: secret },
      { store, pepper: 'hunter2' },
      { store, schema: secret },
    ]) {
      assert.throws(
        () => resolveOptions(options as unknown as SessionsOptions<object>),
        (error) => !(error as Error).message.includes('hunter2'),
      )
    }
  })
})
