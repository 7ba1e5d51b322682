import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isJson } from '../../src/core/plain-data.ts'
import { jsonSerializer } from '../../src/core/serializer.ts'

function stored(value: unknown): string | Uint8Array {
  const payload = { value }
  return jsonSerializer.stringify(payload, isJson(payload, 'payload'))
}

function roundTrip(value: unknown): unknown {
  return (jsonSerializer.parse(stored(value)) as { value: unknown }).value
}

suite('the default serializer gives back', () => {
  const cycle: { name: string; self?: unknown } = { name: 'cycle' }
  cycle.self = cycle
  const shared = { count: 1 }
  const sparse: unknown[] = []
  sparse[1_000_000] = 'far away'
  const values: Record<string, unknown> = {
    'a text with every kind of character': 'a"\\\b\f\n\r\t\0\u2028\u2029é漢😀</script>',
    'lone surrogates': ['\ud800', 'x\udfff', { '\udc00': '\udbff' }],
    undefined: undefined,
    'undefined in objects and arrays': { a: undefined, b: [undefined, 1] },
    'numbers that JSON has not': [Number.NaN, -0, 0, Infinity, -Infinity],
    'large and small BigInts': [0n, -1n, 2n ** 200n],
    Dates: [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15)],
    'an invalid Date': new Date(Number.NaN),
    'nested Maps and Sets': new Map<unknown, unknown>([
      ['a', new Set([1, new Map([[new Date(5), 'date']])])],
      [{ key: 'object' }, undefined],
    ]),
    'the order of a Map': new Map([
      ['z', 1],
      ['a', 2],
    ]),
    bytes: new Uint8Array([0, 1, 254, 255]),
    'typed arrays': [
      new Float64Array([1.5, Number.NaN]),
      new BigInt64Array([-1n]),
      new Int16Array(0),
    ],
    'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
    'objects without a prototype': [Object.assign(Object.create(null), { a: new Date(0) })],
    'a cycle': cycle,
    'an object that is there twice': [shared, new Set([shared])],
    'an array with holes': Object.assign(new Array(5), { 1: 'one' }),
    'a sparse array': sparse,
    'keys that every object inherits': { constructor: 1, toString: 1n, hasOwnProperty: 2, '': 3 },
    'a text that looks like the rich format': '[["Date","x"]]',
    'a text with __proto__ in it': 'the key "__proto__": {}',
    'a text with an escape in it': '\\u005f_proto__',
  }
  for (const [what, value] of Object.entries(values)) {
    test(what, () => {
      const loaded = roundTrip(value)
      assert.deepEqual(loaded, value)
      assert.deepEqual(roundTrip([1n, { value }]), [1n, { value }])
    })
  }

  test('which object is which', () => {
    const loaded = roundTrip({ cycle, twice: [shared, shared] }) as {
      cycle: typeof cycle
      twice: unknown[]
    }
    assert.equal(loaded.cycle.self, loaded.cycle)
    assert.equal(loaded.twice[0], loaded.twice[1])
  })

  test('a Buffer as a Uint8Array', () => {
    const loaded = roundTrip({ bytes: Buffer.from('bytes') })
    assert.deepEqual(loaded, { bytes: new TextEncoder().encode('bytes') })
  })

  test('an object without a prototype that JSON carries as one with it', () => {
    assert.deepEqual(roundTrip(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })

  test('what was stored as bytes', () => {
    for (const value of [{ text: 'é漢😀' }, new Map([['é', 1n]])]) {
      const bytes = new TextEncoder().encode(stored(value) as string)
      assert.deepEqual(jsonSerializer.parse(bytes), { value })
      assert.deepEqual(jsonSerializer.parse(Buffer.from(bytes)), { value })
    }
  })

  test('any JSON value', () => {
    // The one key that is refused, and that fast-check likes to try.
    const json = fc
      .jsonValue({ noUnicodeString: false, maxDepth: 6 })
      .filter((value) => !JSON.stringify(value).includes('__proto__'))
    fc.assert(
      fc.property(json, (value) => {
        assert.deepEqual(roundTrip(value), value)
      }),
      { numRuns: 1000 },
    )
  })

  test('any value that a session can store', () => {
    const key = fc.string({ unit: 'binary' }).filter((text) => text !== '__proto__')
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ depthSize: 'small' }, tie('leaf'), tie('node')),
      leaf: fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.double(),
        fc.bigInt(),
        fc.boolean(),
        fc.constantFrom(null, undefined, -0),
        fc.date({ noInvalidDate: false }),
        fc.uint8Array(),
        fc.float32Array(),
      ),
      node: fc.oneof(
        fc.array(tie('tree')),
        fc.dictionary(key, tie('tree'), { noNullPrototype: true }),
        fc.array(fc.tuple(tie('tree'), tie('tree'))).map((entries) => new Map(entries)),
        fc.array(tie('tree')).map((entries) => new Set(entries)),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => assert.deepEqual(roundTrip(value), value)),
      { numRuns: 1000 },
    )
  })
})

suite('the default serializer stores', () => {
  test('plain data as JSON that any tool reads', () => {
    assert.equal(
      stored({ cart: ['apple', 2], total: 1.5, none: null }),
      '{"value":{"cart":["apple",2],"total":1.5,"none":null}}',
    )
  })

  test('rich data as the text of devalue', () => {
    assert.equal(
      stored({ at: new Date(0), n: 1n, tags: new Set(['a']), u: undefined }),
      '[{"value":1},{"at":2,"n":3,"tags":4,"u":-1},["Date","1970-01-01T00:00:00.000Z"],' +
        '["BigInt","1"],["Set",5],"a"]',
    )
  })

  test('only well-formed Unicode, whatever the data holds', () => {
    for (const value of ['\ud800', { '\udc00': 1 }, [1n, '\ud800', { '\udc00': 1 }]]) {
      assert.doesNotMatch(stored(value) as string, /\p{Cs}/u)
    }
  })

  test('the bytes of a view, and none of those around it', () => {
    const memory = new TextEncoder().encode('the token of another visitor')
    for (const view of [
      memory.subarray(4, 9),
      Buffer.from(memory.buffer, 4, 5),
      new Uint16Array(memory.buffer, 4, 2),
    ]) {
      assert.ok(stored(view).length < 80)
      const loaded = roundTrip(view) as Uint8Array
      assert.deepEqual([...loaded], [...view])
      assert.equal(loaded.buffer.byteLength, view.byteLength)
    }
  })
})

suite('the default serializer refuses to read', () => {
  const texts: Record<string, string> = {
    'an empty text': '',
    'a text that ends early': '{"v":1,"data":{',
    'a rich text that ends early': '[{"v":1},1',
    'a word': 'null and void',
    'an empty rich text': '[]',
    'a rich text that points outside': '[{"a":5}]',
    'a rich text that points nowhere': '[{"a":"x"}]',
    'an unknown rich type': '[{"a":1},["Function","alert(1)"]]',
    'a RegExp': '[{"a":1},["RegExp","(a+)+$"]]',
    'a URL': '[{"a":1},["URL","https://a.test"]]',
    'a boxed primitive': '[{"a":1},["Object",2],"text"]',
    'the key __proto__': '{"v":1,"data":{"__proto__":{"polluted":true}}}',
    'the key __proto__ deep inside': '{"a":[{"b":{"__proto__":1}}]}',
    'the key __proto__ with an escaped underscore': '{"\\u005f_proto__":{"polluted":true}}',
    'the key __proto__ with an escaped letter': '{"a":{"__pr\\u006Fto__":{"polluted":true}}}',
    'the key __proto__ in the rich format': '[{"__proto__":1},{"polluted":2},true]',
    'the key __proto__, escaped, in the rich format':
      '[{"\\u005f\\u005fproto__":1},{"polluted":2},true]',
    'the key __proto__ without a prototype': '[["null","__proto__",1],{"polluted":2},true]',
    'very deep JSON in the rich format': `[{"a":1}${Array.from({ length: 50_000 }, (_, n) => `,[${n + 2}]`).join('')},1]`,
  }
  for (const [what, text] of Object.entries(texts)) {
    test(what, () => {
      assert.throws(() => jsonSerializer.parse(text))
      assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    })
  }

  test('bytes that are no UTF-8', () => {
    assert.throws(() =>
      jsonSerializer.parse(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    )
  })
})

test('no text, however made, changes a prototype', () => {
  const before = Object.getOwnPropertyNames(Object.prototype).join()
  const words = ['"__proto__"', '"\\u005f_proto__"', '"constructor"', '"prototype"', '"polluted"']
  const piece = fc.constantFrom(
    ...words,
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '1',
    '0',
    '2',
    '-1',
    '"null"',
    '"Map"',
  )
  const record = fc.dictionary(
    fc.constantFrom('__proto__', 'constructor', 'prototype', 'a'),
    fc.nat(5),
  )
  const richTexts = fc.array(
    fc.oneof(
      record,
      fc.array(fc.oneof(fc.nat(5), fc.constantFrom('null', 'Map', 'Object', '__proto__'))),
    ),
  )
  const texts = fc.oneof(
    fc.array(piece).map((pieces) => pieces.join('')),
    richTexts.map((values) => JSON.stringify([{ a: 1 }, ...values])),
    fc.json().map((text) => text.replaceAll('"a"', '"__proto__"')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      let value: unknown
      try {
        value = jsonSerializer.parse(text)
      } catch {
        value = null
      }
      assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), before)
      for (const object of objectsIn(value, new Set())) {
        const prototype = Object.getPrototypeOf(object)
        assert.ok(
          [Object, Array, Map, Set].some((one) => one.prototype === prototype) ||
            prototype === null,
        )
        assert.ok(!Object.hasOwn(object, '__proto__'))
      }
    }),
    { numRuns: 5000 },
  )
})

function objectsIn(value: unknown, found: Set<object>): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found
  found.add(value)
  const children = value instanceof Map ? [...value].flat() : [...Object.values(value)]
  for (const child of value instanceof Set ? value : children) objectsIn(child, found)
  return found
}
