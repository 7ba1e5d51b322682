import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Operation } from '../../src/core/operations.ts'
import { decodePayload, emptyPayload, encodePayload, type Payload } from '../../src/core/payload.ts'
import { jsonSerializer, type Serializer } from '../../src/core/serializer.ts'
import { emptyState, WorkingCopy } from '../../src/core/working-copy.ts'

type Data = Record<string, unknown>

/** As after a load: the stored form, and a state of objects of its own. */
function loaded(data: Data, serializer: Serializer = jsonSerializer): WorkingCopy {
  const stored = store(data, serializer)
  return new WorkingCopy(serializer, stateOf(stored, serializer))
}

function store(data: Data | ReadonlyMap<string, unknown>, serializer = jsonSerializer) {
  const entries = data instanceof Map ? data : new Map(Object.entries(data))
  return encodePayload({ ...emptyPayload(), data: entries }, serializer)
}

function stateOf(stored: string | Uint8Array, serializer = jsonSerializer) {
  return { ...emptyState(), payload: decodePayload(stored, serializer) as Payload }
}

function setKeys(operations: readonly Operation[]): string[] {
  return operations.map((operation) => {
    assert.equal(operation.type, 'set')
    return (operation as Operation & { type: 'set' }).key
  })
}

function assigning(changes: object): (value: object) => void {
  return (value) => void Object.assign(value, changes)
}

suite('a change inside an object that was handed out', () => {
  const twice = { n: 1 }
  const changes: [what: string, before: unknown, change: (value: never) => unknown][] = [
    ['a property is set', { a: 1 }, assigning({ a: 2 })],
    ['a property is added', { a: 1 }, assigning({ b: 1 })],
    ['an undefined property is added', { a: 1 }, assigning({ b: undefined })],
    ['a property is deleted', { a: 1 }, (value: Data) => delete value['a']],
    ['null becomes undefined', { a: null }, assigning({ a: undefined })],
    ['an element is added', [1], (value: number[]) => value.push(2)],
    ['elements are sorted', [2, 1], (value: number[]) => value.sort()],
    ['an element becomes a hole', [1, 2], (value: unknown[]) => delete value[0]],
    [
      'something changes deep inside',
      [{ a: [{}] }],
      (v: [{ a: [Data] }]) => assigning({ b: 1 })(v[0].a[0]),
    ],
    ['0 becomes minus zero', { a: 0 }, assigning({ a: -0 })],
    ['a number becomes a text', { a: 1 }, assigning({ a: '1' })],
    ['a number becomes NaN', { a: 1 }, assigning({ a: Number.NaN })],
    ['a Date is moved', new Date(0), (value: Date) => value.setTime(1)],
    ['a nested Date is moved', { at: new Date(0) }, (value: { at: Date }) => value.at.setTime(1)],
    ['a Date becomes its text', { at: new Date(0) }, assigning({ at: '1970-01-01T00:00:00.000Z' })],
    ['a Date becomes invalid', new Date(0), (value: Date) => value.setTime(Number.NaN)],
    ['a Map gets an entry', new Map([['a', 1]]), (value: Map<string, number>) => value.set('b', 2)],
    [
      'a key of a Map changes',
      new Map([[[1], 1]]),
      (value: Map<number[], 1>) => [...value.keys()][0]?.push(2),
    ],
    [
      'the entries of a Map change places',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      (value: Map<string, number>) => value.delete('a') && value.set('a', 1),
    ],
    ['a Set loses an element', new Set([1, 2]), (value: Set<number>) => value.delete(1)],
    ['a byte is set', new Uint8Array(2), (value: Uint8Array) => value.set([1], 1)],
    ['an object becomes a cycle', { a: {} }, (value: Data) => Object.assign(value, { a: value })],
    ['an object is there twice', { a: { n: 1 }, b: { n: 1 } }, assigning({ a: twice, b: twice })],
  ]
  for (const [what, before, change] of changes) {
    test(`is a set of its key: ${what}`, () => {
      const copy = loaded({ key: before, other: { untouched: true } })
      copy.get('other')
      const value = copy.get('key')
      assert.deepEqual(copy.operations(), [])
      change(value as never)
      assert.deepEqual(copy.operations(), [{ type: 'set', key: 'key', value }])
    })
  }

  test('that is taken back is none', () => {
    const copy = loaded({ cart: { at: new Date(0), items: [1] } })
    const cart = copy.get('cart') as { at: unknown; items: number[] }
    const { at } = cart
    cart.at = '1970-01-01T00:00:00.000Z'
    cart.items.push(2)
    cart.at = at
    cart.items.pop()
    assert.deepEqual(copy.operations(), [])
  })

  test('is recorded once, and what changes later belongs to it', () => {
    const copy = loaded({ cart: [1] })
    const cart = copy.get('cart') as number[]
    cart.push(2)
    copy.operations()
    cart.push(3)
    assert.deepEqual(copy.operations(), [{ type: 'set', key: 'cart', value: [1, 2, 3] }])
  })

  test('to what cannot be stored is refused with its path', () => {
    const copy = loaded({ cart: [{}] })
    const cart = copy.get('cart') as Data[]
    ;(cart[0] as Data)['call'] = () => {}
    assert.throws(() => copy.operations(), { code: 'ERR_SESSION_DATA_TYPE', path: 'cart[0].call' })
  })

  test('after the key was deleted, set anew, cleared or not kept is none', () => {
    const after: ((copy: WorkingCopy) => void)[] = [
      (copy) => copy.apply({ type: 'delete', key: 'cart' }),
      (copy) => copy.set('cart', 'new'),
      (copy) => copy.apply({ type: 'clear' }),
      (copy) => copy.apply({ type: 'keep', keys: new Set(['other']) }),
    ]
    for (const remove of after) {
      const copy = loaded({ cart: [1], other: 1 })
      const cart = copy.get('cart') as number[]
      remove(copy)
      cart.push(2)
      assert.equal(copy.operations().length, 1)
      assert.notEqual(copy.data.get('cart'), cart)
    }
  })

  test('counts although the same object was deleted and set again', () => {
    const copy = loaded({ cart: [1] })
    const cart = copy.get('cart') as number[]
    copy.apply({ type: 'delete', key: 'cart' })
    copy.set('cart', cart)
    cart.push(2)
    assert.deepEqual(copy.data.get('cart'), [1, 2])
    assert.deepEqual(copy.operations().at(-1), { type: 'set', key: 'cart', value: [1, 2] })
  })

  test('counts for each key that has the object', () => {
    const copy = loaded({ a: { n: 1 } })
    const object = copy.get('a') as { n: number }
    copy.set('b', object)
    copy.set('c', [object])
    object.n = 2
    assert.deepEqual(setKeys(copy.operations()), ['b', 'c', 'a'])
    assert.deepEqual([...copy.data.values()], [{ n: 2 }, { n: 2 }, [{ n: 2 }]])
  })

  test('is seen with a serializer that never gives the same text twice, and nothing else is', () => {
    const salted: Serializer = {
      stringify: (payload, isJson) =>
        `${Math.random()}|${jsonSerializer.stringify(payload, isJson)}`,
      parse: (stored) => jsonSerializer.parse((stored as string).replace(/^[^|]*\|/, '')),
    }
    const copy = loaded({ seen: new Date(0), changed: new Date(0), cart: [1] }, salted)
    copy.get('seen')
    copy.get('cart')
    assert.deepEqual(copy.operations(), [])
    ;(copy.get('changed') as Date).setTime(1)
    assert.deepEqual(setKeys(copy.operations()), ['changed'])
  })

  test('is found without reading the stored form again, or with reading it once', () => {
    let readings = 0
    const counting: Serializer = {
      ...jsonSerializer,
      parse(stored) {
        readings++
        return jsonSerializer.parse(stored)
      },
    }
    const keys = Array.from({ length: 50 }, (_, index) => `key${index}`)
    const copy = loaded(Object.fromEntries(keys.map((key) => [key, [key]])), counting)
    readings = 0
    for (const key of keys) copy.get(key)
    copy.operations()
    assert.equal(readings, 0)
    for (const key of keys) copy.set(key, { key })
    copy.take(store(copy.data))
    assert.equal(readings, 0)
    copy.operations()
    copy.operations()
    assert.equal(readings, 1)
  })
})

suite('an object that was set', () => {
  test('may be changed until the commit', () => {
    const copy = new WorkingCopy(jsonSerializer)
    const cart = [1]
    copy.set('cart', cart)
    cart.push(2)
    assert.deepEqual(copy.operations(), [{ type: 'set', key: 'cart', value: [1, 2] }])
    assert.equal(copy.get('cart'), cart)
  })

  test('may be changed after the commit, which is a change of its own', () => {
    const copy = new WorkingCopy(jsonSerializer)
    const cart = [1]
    copy.set('cart', cart)
    copy.take(store(copy.data))
    assert.deepEqual(copy.operations(), [])
    cart.push(2)
    assert.deepEqual(copy.operations(), [{ type: 'set', key: 'cart', value: [1, 2] }])
  })
})

suite('update', () => {
  test('gives its function a copy', () => {
    for (const value of [{ items: [1] }, { items: [1], at: new Date(0) }]) {
      const copy = loaded({ cart: value })
      const before = copy.get('cart') as { items: number[] }
      copy.update('cart', (cart) => {
        ;(cart as typeof before).items.push(2)
        return cart
      })
      assert.deepEqual(before.items, [1])
      assert.deepEqual((copy.get('cart') as typeof before).items, [1, 2])
      assert.deepEqual(
        copy.operations().map(({ type }) => type),
        ['update'],
      )
    }
  })

  test('gives undefined for a key that is not there, and takes undefined', () => {
    const copy = new WorkingCopy(jsonSerializer)
    assert.equal(
      copy.update('visits', (visits) => ((visits as number | undefined) ?? 0) + 1),
      1,
    )
    assert.equal(
      copy.update('visits', () => undefined),
      undefined,
    )
    assert.equal(copy.data.has('visits'), true)
  })

  test('comes after changes inside the object before it', () => {
    const copy = loaded({ cart: [1] })
    ;(copy.get('cart') as number[]).push(2)
    const result = copy.update('cart', (cart) => [...(cart as number[]), 3])
    assert.deepEqual(result, [1, 2, 3])
    assert.deepEqual(
      copy.operations().map(({ type }) => type),
      ['set', 'update'],
    )
  })

  test('comes before changes inside its result', () => {
    const copy = loaded({ cart: [1] })
    const cart = copy.update('cart', (value) => value) as number[]
    assert.deepEqual(
      copy.operations().map(({ type }) => type),
      ['update'],
    )
    cart.push(2)
    assert.deepEqual(
      copy.operations().map(({ type }) => type),
      ['update', 'set'],
    )
    assert.deepEqual(copy.data.get('cart'), [1, 2])
  })

  test('fixes what was set before it: the object is no longer in the data', () => {
    const copy = new WorkingCopy(jsonSerializer)
    const cart = [1]
    copy.set('cart', cart)
    copy.update('cart', (value) => [...(value as number[]), 2])
    cart.push(3)
    assert.deepEqual(copy.operations()[0], { type: 'set', key: 'cart', value: [1] })
    assert.deepEqual(copy.get('cart'), [1, 2])
  })

  test('whose function throws is not recorded and changes nothing', () => {
    const copy = loaded({ cart: [1] })
    const failure = new Error('sold out')
    assert.throws(
      () =>
        copy.update('cart', () => {
          throw failure
        }),
      failure,
    )
    assert.throws(() => copy.update('cart', () => () => {}), { path: 'cart' })
    assert.deepEqual(copy.operations(), [])
    assert.deepEqual(copy.get('cart'), [1])
  })
})

suite('after a commit', () => {
  test('nothing is left to be done, and objects are compared with what it stored', () => {
    const copy = loaded({ cart: [1], seen: [1] })
    const [cart, seen] = [copy.get('cart') as number[], copy.get('seen') as number[]]
    cart.push(2)
    assert.deepEqual(setKeys(copy.take(store({ cart: [1, 2], seen: [1] }))), ['cart'])
    assert.deepEqual(copy.operations(), [])
    cart.pop()
    seen.push(2)
    assert.deepEqual(setKeys(copy.operations()).toSorted(), ['cart', 'seen'])
  })

  test('a key whose value was undefined can be deleted like any other', () => {
    const copy = new WorkingCopy(jsonSerializer)
    copy.set('note', undefined)
    copy.take(store(copy.data))
    copy.apply({ type: 'delete', key: 'note' })
    assert.deepEqual(copy.operations(), [{ type: 'delete', key: 'note' }])
    assert.equal(copy.data.has('note'), false)
  })

  test('that failed its operations are done by the next one, with what came since', () => {
    const copy = loaded({ cart: [1] })
    const cart = copy.get('cart') as number[]
    cart.push(2)
    copy.take(store({ cart: [1, 2] }))
    copy.set('later', 1)
    cart.push(3)
    copy.restore()
    assert.deepEqual(setKeys(copy.operations()), ['cart', 'later', 'cart'])
    assert.deepEqual(copy.data.get('cart'), [1, 2, 3])
  })

  test('on fresher data the handler sees that data, and its later changes on top', () => {
    const copy = loaded({ visits: 1 })
    copy.set('name', 'Ada')
    copy.take(store({ visits: 1, name: 'Ada' }))
    copy.update('visits', (visits) => (visits as number) + 1)
    const fresh = store({ visits: 10, name: 'Ada', theirs: true })
    copy.rebase(stateOf(fresh))
    assert.deepEqual(Object.fromEntries(copy.data), { visits: 11, name: 'Ada', theirs: true })
    assert.deepEqual(
      copy.operations().map(({ type }) => type),
      ['update'],
    )
  })

  test('on fresher data an object that says the same is still the one of the handler', () => {
    const copy = loaded({ cart: [1], gone: [1], changed: [1] })
    const [cart, gone, changed] = ['cart', 'gone', 'changed'].map(
      (key) => copy.get(key) as number[],
    )
    copy.set('name', 'Ada')
    copy.take(store(copy.data))
    const fresh = store({ cart: [1], changed: [1, 2], name: 'Ada' })
    copy.rebase(stateOf(fresh))
    assert.equal(copy.get('cart'), cart)
    assert.equal(copy.get('gone'), undefined)
    assert.notEqual(copy.get('changed'), changed)
    assert.deepEqual(copy.operations(), [])
    for (const object of [cart, gone, changed]) object?.push(3)
    assert.deepEqual(copy.operations(), [{ type: 'set', key: 'cart', value: [1, 3] }])
  })

  test('on fresher data a change made while it ran is kept', () => {
    const copy = loaded({ cart: [1] })
    const cart = copy.get('cart') as number[]
    copy.set('name', 'Ada')
    copy.take(store(copy.data))
    cart.push(2)
    const fresh = store({ cart: [1], name: 'Ada', theirs: true })
    copy.rebase(stateOf(fresh))
    assert.deepEqual(copy.operations(), [{ type: 'set', key: 'cart', value: [1, 2] }])
    assert.equal(copy.get('cart'), cart)
    cart.push(3)
    assert.deepEqual(copy.data.get('cart'), [1, 2, 3])
  })
})

test('two empty states share nothing', () => {
  const [one, other] = [new WorkingCopy(jsonSerializer), new WorkingCopy(jsonSerializer)]
  one.set('key', 1)
  assert.equal(other.data.size, 0)
})
