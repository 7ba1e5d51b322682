import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { SessionDataError } from '../../src/core/errors.ts'
import { isJson } from '../../src/core/plain-data.ts'

function nested(depth: number): object {
  let value: object = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

suite('JSON carries exactly', () => {
  const values: Record<string, unknown> = {
    null: null,
    'a text': 'text',
    'an empty text': '',
    'a text with lone surrogates': '\ud800 \udfff',
    'a text with NUL and line separators': '\0\u2028\u2029',
    'a number': 1.5,
    'the largest number': Number.MAX_VALUE,
    'the smallest number': 5e-324,
    true: true,
    'an empty object': {},
    'an empty array': [],
    'nested objects and arrays': { a: [{ b: [1, 'x', null, false] }] },
    'an object without a prototype': Object.assign(Object.create(null), { a: 1 }),
    'an object of another realm': runInNewContext('({ a: [1, { b: 2 }] })'),
    'an array of another realm': runInNewContext('[1, [2]]'),
    'keys that every object inherits': {
      constructor: 1,
      toString: 2,
      hasOwnProperty: 3,
      valueOf: 4,
    },
    'a key prototype': { prototype: { polluted: true } },
    'an empty key': { '': 1 },
    'a key toJSON whose value is no function': { toJSON: 'text' },
    'a key then whose value is no function': JSON.parse('{"then":1}'),
    'a frozen object': Object.freeze({ a: Object.freeze([1]) }),
    'a Proxy of an object': new Proxy({ a: 1 }, {}),
  }
  for (const [what, value] of Object.entries(values)) {
    test(what, () => {
      assert.equal(isJson(value, 'key'), true)
      assert.equal(isJson({ a: [value] }, 'key'), true)
    })
  }
})

test('JSON carries five hundred levels', () => assert.equal(isJson(nested(500), 'key'), true))

suite('the rich format is needed for', () => {
  const shared = {}
  const cycle: { self?: object } = {}
  cycle.self = cycle
  const values: Record<string, unknown> = {
    undefined: undefined,
    'a BigInt': 1n,
    NaN: Number.NaN,
    Infinity: Number.POSITIVE_INFINITY,
    '-Infinity': Number.NEGATIVE_INFINITY,
    'minus zero': -0,
    'a Date': new Date(0),
    'an invalid Date': new Date(Number.NaN),
    'a Map': new Map([['a', 1]]),
    'a Map with objects as keys': new Map([[{ a: 1 }, new Map()]]),
    'a Set': new Set([1, new Set()]),
    'a Buffer': Buffer.from('bytes'),
    'a Uint8Array': new Uint8Array(2),
    'a Float64Array': new Float64Array(2),
    'a BigInt64Array': new BigInt64Array(2),
    'an ArrayBuffer': new ArrayBuffer(2),
    'a cycle': cycle,
    'an object that is there twice': [shared, shared],
    'a hole in an array': Object.assign(new Array(3), [1]),
    'a Date of another realm': runInNewContext('new Date(0)'),
    'a Map of another realm': runInNewContext('new Map([[1, new Set([2n])]])'),
    'bytes of another realm': runInNewContext('new Uint8Array(2)'),
  }
  for (const [what, value] of Object.entries(values)) {
    test(what, () => {
      assert.equal(isJson(value, 'key'), false)
      assert.equal(isJson({ before: 1, a: [value], after: 'x' }, 'key'), false)
    })
  }

  test('a sparse array, and it is seen at once however long the array is', () => {
    const sparse: unknown[] = []
    sparse[4_294_967_294] = { deep: 'value' }
    assert.equal(isJson(sparse, 'key'), false)
    sparse[1_000_000] = [() => {}]
    assert.throws(() => isJson(sparse, 'key'), { path: 'key[1000000][0]' })
  })
})

suite('a session cannot store', () => {
  class Cart {
    items = []
  }
  class SpecialMap extends Map {}
  class SpecialDate extends Date {}
  class SpecialSet extends Set {}
  class SpecialArray extends Array {}
  const revocable = Proxy.revocable({}, {})
  revocable.revoke()
  const refused: [what: string, value: unknown, message: RegExp][] = [
    ['a function', () => {}, /a function/],
    ['a class', Cart, /a function/],
    ['a symbol', Symbol('x'), /a symbol/],
    ['an instance of a class', new Cart(), /an instance of Cart/],
    ['an instance of a class without a name', new (class {})(), /an unnamed class/],
    ['a boxed text', new String('x'), /an instance of String/],
    ['a boxed number', new Number(1), /an instance of Number/],
    ['a boxed boolean', new Boolean(true), /an instance of Boolean/],
    ['a boxed BigInt', Object(1n), /an instance of BigInt/],
    ['a RegExp', /x/, /an instance of RegExp/],
    ['a URL', new URL('https://a.test'), /an instance of URL/],
    ['an Error', new TypeError('x'), /an instance of TypeError/],
    ['a Promise', Promise.resolve(), /an instance of Promise/],
    ['a WeakMap', new WeakMap(), /an instance of WeakMap/],
    ['a WeakRef', new WeakRef({}), /an instance of WeakRef/],
    ['a DataView', new DataView(new ArrayBuffer(1)), /an instance of DataView/],
    ['shared memory', new SharedArrayBuffer(1), /an instance of SharedArrayBuffer/],
    ['bytes of shared memory', new Uint8Array(new SharedArrayBuffer(1)), /shared memory/],
    ['a generator', (function* () {})(), /an instance of/],
    ['the arguments of a call', argumentsOf(1), /a symbol as key/],
    ['the Math object', Math, /a symbol as key/],
    ['an object with a symbol as key', { [Symbol('x')]: 1 }, /a symbol as key/],
    ['an object that inherits from another', Object.create({ a: 1 }), /an instance of Object/],
    ['an object with a toJSON method', hidden({}, 'toJSON'), /a toJSON method/],
    ['an array with a toJSON method', hidden([1], 'toJSON'), /a toJSON method/],
    ['a subclass of Map', new SpecialMap(), /an instance of SpecialMap/],
    ['a subclass of Set', new SpecialSet(), /an instance of SpecialSet/],
    ['a subclass of Date', new SpecialDate(), /an instance of SpecialDate/],
    ['a subclass of Array', new SpecialArray(), /an instance of SpecialArray/],
    ['a Date that is none', Object.create(Date.prototype), /an instance of Date/],
    ['a Map that is none', Object.create(Map.prototype), /an instance of Map/],
    ['an object that claims to be a Map', { [Symbol.toStringTag]: 'Map' }, /a symbol as key/],
    ['a Proxy of a Map', new Proxy(new Map(), {}), /a Proxy/],
    ['a revoked Proxy', revocable.proxy, /cannot be read/],
    ['a getter that throws', throwing(), /cannot be read/],
    ['an object whose class cannot be told', nameless(), /cannot be read/],
    ['the key __proto__', JSON.parse('{"__proto__":{}}'), /the key __proto__/],
    ['501 levels', nested(501), /more than 500 levels deep/],
    ['endless getters', endless(), /more than 500 levels deep/],
    ['an array without a prototype', Object.setPrototypeOf([], null), /an instance of/],
  ]
  for (const [what, value, message] of refused) {
    test(what, () => assertRefused(value, 'key', message))
    test(`${what} inside of something else`, () => {
      assertRefused({ cart: [1, { item: value }] }, 'key.cart[1].item', message)
      assertRefused(
        new Map<unknown, unknown>([
          ['a', 1],
          [2n, [value]],
        ]),
        'key[entry 1][0]',
        message,
      )
      assertRefused(new Map([[{ a: value }, 1]]), 'key[key 0].a', message)
      assertRefused(new Set([[], value]), 'key[entry 1]', message)
    })
  }

  test('and says so without the value, and with no more than the beginning of a long path', () => {
    const long = 'x'.repeat(1000)
    const value = { [long]: { secret: () => 'hunter2' } }
    assert.throws(
      () => isJson(value, 'key'),
      (error) => {
        assert.ok(error instanceof SessionDataError)
        assert.ok(error.message.length < 500)
        assert.ok(!error.message.includes('hunter2'))
        return true
      },
    )
  })
})

test('JSON gives back whatever it is said to carry, and changes whatever it is said not to', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: false,
  })
  fc.assert(
    fc.property(anything, (value) => {
      let json: boolean
      try {
        json = isJson(value, 'key')
      } catch (error) {
        assert.ok(error instanceof SessionDataError)
        return
      }
      if (json) assert.deepEqual(JSON.parse(JSON.stringify(value)), value)
    }),
    { numRuns: 2000 },
  )
})

function assertRefused(value: unknown, path: string, message: RegExp): void {
  assert.throws(
    () => isJson(value, 'key'),
    (error) => {
      assert.ok(error instanceof SessionDataError)
      assert.equal(error.code, 'ERR_SESSION_DATA_TYPE')
      assert.match(error.message, message)
      assert.ok(error.path.startsWith(path), error.path)
      assert.ok(error.message.includes(error.path))
      return true
    },
  )
}

function hidden(value: object, key: string): object {
  return Object.defineProperty(value, key, { value: () => 'something else', enumerable: false })
}

function throwing(): object {
  return {
    get a(): never {
      throw new Error('a getter')
    },
  }
}

function nameless(): object {
  return Object.create({
    get constructor(): never {
      throw new Error('no name')
    },
  })
}

function endless(): object {
  return {
    get next() {
      return endless()
    },
  }
}

function argumentsOf(..._: unknown[]): object {
  return (function () {
    // biome-ignore lint/complexity/noArguments: it is the value under test
    return arguments
  })()
}
