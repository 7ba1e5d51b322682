import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { SessionDataError } from '../../src/core/errors.ts'
import {
  checkEntry,
  copyValue,
  decodePayload,
  emptyPayload,
  encodePayload,
  fingerprint,
  isEmptyPayload,
  type Payload,
} from '../../src/core/payload.ts'
import { jsonSerializer, type Serializer } from '../../src/core/serializer.ts'

function payloadOf(data: object, rest: Partial<Payload> = {}): Payload {
  return { ...emptyPayload(), ...rest, data: new Map(Object.entries(data)) }
}

function encode(data: object, rest: Partial<Payload> = {}): string {
  return encodePayload(payloadOf(data, rest), jsonSerializer) as string
}

function decode(stored: string | Uint8Array): Payload | 'unreadable' | 'newer' {
  return decodePayload(stored, jsonSerializer)
}

const flash = [{ id: 'AAAAAAAAAAAA', category: 'message', message: 'Hello' }]
const csrfSeed = 'c'.repeat(43)

// Formats that were released stay readable: these examples are only ever added to.
const golden: [text: string, data: object, rest: Partial<Payload>][] = [
  ['{"v":1,"data":{}}', {}, {}],
  [
    '{"v":1,"data":{"user":"Ada","cart":[{"sku":"x1","count":2}]}}',
    { user: 'Ada', cart: [{ sku: 'x1', count: 2 }] },
    {},
  ],
  [
    '{"v":1,"data":{"visits":3},"flash":[{"id":"AAAAAAAAAAAA","category":"message","message":"Hello"}],' +
      `"csrf":"${csrfSeed}","rotatedAt":1767225600000}`,
    { visits: 3 },
    { flash, csrfSeed, rotatedAt: 1_767_225_600_000 },
  ],
  [
    '[{"v":1,"data":2},1,{"since":3,"tags":4,"big":6,"none":-1,"bytes":7},' +
      '["Date","2026-01-01T00:00:00.000Z"],["Map",5,-3],"a",["BigInt","90071992547409930"],' +
      '["Uint8Array",8],["ArrayBuffer","AQID"]]',
    {
      since: new Date('2026-01-01T00:00:00.000Z'),
      tags: new Map([['a', Number.NaN]]),
      big: 90_071_992_547_409_930n,
      none: undefined,
      bytes: new Uint8Array([1, 2, 3]),
    },
    {},
  ],
]

suite('a payload', () => {
  for (const [text, data, rest] of golden) {
    test(`is stored as ${text.slice(0, 40)}… and read again`, () => {
      assert.equal(encode(data, rest), text)
      assert.deepEqual(decode(text), payloadOf(data, rest))
    })
  }

  test('is empty without keys and messages; a CSRF seed alone does not count', () => {
    assert.equal(isEmptyPayload(emptyPayload()), true)
    assert.equal(isEmptyPayload(payloadOf({}, { csrfSeed, rotatedAt: 1 })), true)
    assert.equal(isEmptyPayload(payloadOf({ key: undefined })), false)
    assert.equal(isEmptyPayload(payloadOf({}, { flash })), false)
  })

  test('keeps keys that every object inherits', () => {
    const data = {
      constructor: 1,
      toString: [2],
      hasOwnProperty: null,
      valueOf: 'x',
      '': 0,
      toJSON: 1,
    }
    assert.deepEqual(decode(encode(data)), payloadOf(data))
    assert.deepEqual(decode(encode({ ...data, rich: 1n })), payloadOf({ ...data, rich: 1n }))
  })

  test('keeps the data apart from what stands beside it', () => {
    const data = { v: 99, data: {}, flash: 'mine', csrf: 'mine', rotatedAt: 'mine' }
    assert.deepEqual(decode(encode(data)), payloadOf(data))
  })

  test('holds an object that two keys share once for each of them', () => {
    for (const extra of [{}, { rich: new Date(0) }]) {
      const shared = { count: 1 }
      const loaded = decode(encode({ ...extra, a: shared, b: [shared] })) as Payload
      const [a, b] = [loaded.data.get('a'), loaded.data.get('b') as object[]]
      assert.deepEqual(b, [a])
      assert.notEqual(b[0], a)
    }
  })

  test('that holds what cannot be stored is refused with its path', () => {
    for (const data of [{ cart: [{ call: () => {} }] }, { rich: 1n, cart: [{ call: () => {} }] }]) {
      assert.throws(() => encode(data), {
        name: 'SessionDataError',
        code: 'ERR_SESSION_DATA_TYPE',
        path: 'cart[0].call',
      })
    }
  })

  test('goes through the serializer of the app, which is told whether JSON carries it', () => {
    const told: boolean[] = []
    const serializer: Serializer = {
      stringify(payload, isJson) {
        told.push(isJson)
        return Buffer.from(jsonSerializer.stringify(payload, isJson)).reverse()
      },
      parse: (stored) => jsonSerializer.parse(Buffer.from(stored as Uint8Array).reverse()),
    }
    for (const data of [{ a: 1 }, { a: new Date(0) }]) {
      const stored = encodePayload(payloadOf(data), serializer)
      assert.deepEqual(decodePayload(stored, serializer), payloadOf(data))
      assert.equal(decode(stored), 'unreadable')
    }
    assert.deepEqual(told, [true, false])
  })
})

suite('a stored text', () => {
  const unreadable: Record<string, string> = {
    'that is empty': '',
    'that is no JSON': 'not json',
    'that ends early': '{"v":1,"data":{"a":',
    'of null': 'null',
    'of an array': '[[1,2]]',
    'of a number': '1',
    'of a text': '"v"',
    'of another program': '{"cookie":{"originalMaxAge":null},"user":1}',
    'without a version': '{"data":{}}',
    'with a version that is a text': '{"v":"1","data":{}}',
    'with version 0': '{"v":0,"data":{}}',
    'with a negative version': '{"v":-1,"data":{}}',
    'with a version between two': '{"v":0.5,"data":{}}',
    'without data': '{"v":1}',
    'with data null': '{"v":1,"data":null}',
    'with an array as data': '{"v":1,"data":[]}',
    'with a text as data': '{"v":1,"data":"x"}',
    'with a Map as data': '[{"v":1,"data":2},1,["Map"]]',
    'with a Date as data': '[{"v":1,"data":2},1,["Date","2026-01-01T00:00:00.000Z"]]',
    'with messages that are no list': '{"v":1,"data":{},"flash":{}}',
    'with a message that is a text': '{"v":1,"data":{},"flash":["x"]}',
    'with a message without an id': '{"v":1,"data":{},"flash":[{"category":"x","message":"y"}]}',
    'with a message that is no text':
      '{"v":1,"data":{},"flash":[{"id":"a","category":"x","message":1}]}',
    'with a CSRF seed that is no text': '{"v":1,"data":{},"csrf":1}',
    'with a time of rotation that is a text': '{"v":1,"data":{},"rotatedAt":"1"}',
    'with the key __proto__': '{"v":1,"data":{"__proto__":{}}}',
  }
  for (const [which, text] of Object.entries(unreadable)) {
    test(`${which} is unreadable`, () => assert.equal(decode(text), 'unreadable'))
  }

  test('of a later format is newer, whatever else it has', () => {
    for (const text of ['{"v":2}', '{"v":2,"data":[],"flash":1}', '[{"v":1},3]']) {
      assert.equal(decode(text), 'newer')
    }
  })

  test('with any damage is read, newer or unreadable, and never an error', () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
    const damage = fc.record({ place, length: fc.nat(3), put: fc.string({ maxLength: 3 }) })
    const texts = fc.constantFrom(...golden.map(([text]) => text))
    fc.assert(
      fc.property(texts, fc.array(damage, { minLength: 1, maxLength: 3 }), (intact, damages) => {
        let text = intact
        for (const { place, length, put } of damages) {
          const at = Math.floor(place * text.length)
          text = text.slice(0, at) + put + text.slice(at + length)
        }
        const payload = decode(text)
        if (typeof payload === 'string') return
        assert.ok(payload.data instanceof Map && Array.isArray(payload.flash))
        assert.ok(payload.csrfSeed === null || typeof payload.csrfSeed === 'string')
        assert.ok(payload.rotatedAt === null || typeof payload.rotatedAt === 'number')
      }),
      { numRuns: 5000 },
    )
  })

  test('may have parts that a later version adds to this format', () => {
    assert.deepEqual(decode('{"v":1,"data":{"a":1},"later":[1]}'), payloadOf({ a: 1 }))
  })
})

suite('an entry', () => {
  test('may have any text but __proto__ as key', () => {
    for (const key of ['', 'constructor', 'prototype', '\ud800', 'x'.repeat(10_000), '0']) {
      checkEntry(key, 1)
    }
    assert.throws(() => checkEntry('__proto__', 1), { path: '__proto__' })
  })

  test('must have a text as key', () => {
    for (const key of [1, null, undefined, Symbol('x'), {}, ['a']]) {
      assert.throws(() => checkEntry(key as string, 1), SessionDataError)
    }
  })

  test('must have a value that can be stored', () => {
    assert.throws(() => checkEntry('cart', { items: [Symbol('x')] }), { path: 'cart.items[0]' })
  })
})

suite('a fingerprint', () => {
  const values = [
    undefined,
    null,
    0,
    -0,
    1n,
    Number.NaN,
    '',
    '0',
    [],
    {},
    [undefined],
    [null],
    new Array(1),
    { a: undefined },
    { a: null },
    new Date(0),
    new Date(Number.NaN),
    new Date(0).toISOString(),
    new Map(),
    new Set(),
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    new Map([
      ['b', 2],
      ['a', 1],
    ]),
    new Uint8Array(),
    new ArrayBuffer(0),
    new Uint16Array(1),
    new Uint8Array(2),
    [{ value: 1 }, ['Date', '1970-01-01T00:00:00.000Z']],
    (({ a }) => [a, a])({ a: {} }),
    [{}, {}],
  ]

  test('differs whenever the stored form does', () => {
    const prints = values.map((value) => fingerprint(value, 'key'))
    assert.equal(new Set(prints).size, values.length)
  })

  test('is the same for a value and for what is loaded of it', () => {
    for (const value of values) {
      const loaded = decode(encode({ key: value })) as Payload
      assert.equal(fingerprint(loaded.data.get('key'), 'key'), fingerprint(value, 'key'))
    }
  })
})

suite('a copy', () => {
  test('shares nothing with the original', () => {
    const date = new Date(0)
    for (const value of [{ a: { b: [1] } }, { a: { b: [date] } }, new Map([['a', [date]]])]) {
      const copy = copyValue(value, 'key')
      assert.deepEqual(copy, value)
      assert.notEqual(copy, value)
    }
    const copy = copyValue({ date }, 'key') as { date: Date }
    copy.date.setFullYear(1999)
    assert.equal(date.getTime(), 0)
  })

  test('of a primitive is the primitive', () => {
    for (const value of ['x', 1, -0, 1n, true, null, undefined]) {
      assert.ok(Object.is(copyValue(value, 'key'), value))
    }
  })

  test('of a Proxy is plain data', () => {
    const proxy = new Proxy({ at: new Date(0), list: new Proxy([1], {}) }, {})
    assert.deepEqual(copyValue(proxy, 'key'), { at: new Date(0), list: [1] })
  })

  test('has the cycles of the original', () => {
    const original: { self?: unknown } = {}
    original.self = original
    const copy = copyValue(original, 'key') as typeof original
    assert.equal(copy.self, copy)
    assert.notEqual(copy, original)
  })
})
