import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import { SessionDataError } from '../../src/core/errors.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'

interface Data {
  name: string
  visits: number
  cart: string[]
  note: string | undefined
}

const sessions = createSessions<Data>({ store: memoryStore(), sweepInterval: false })

function open(data: Partial<Data> = {}): Session<Data> {
  const session = sessions.open({ cookie: null }) as Session<Data>
  for (const [key, value] of Object.entries(data)) session.set(key as 'name', value as string)
  return session
}

suite('session.data', () => {
  test('reads what the session has', () => {
    const { data } = open({ name: 'Ada', cart: ['apple'] })
    assert.equal(data.name, 'Ada')
    assert.equal(data.visits, undefined)
    const { name, visits = 0, ...rest } = data
    assert.deepEqual([name, visits, rest], ['Ada', 0, { cart: ['apple'] }])
  })

  test('writes to the session', () => {
    const session = open()
    session.data.name = 'Ada'
    session.data.visits ??= 1
    session.data.visits += 1
    session.data.note = undefined
    assert.deepEqual(session.toJSON(), { name: 'Ada', visits: 2, note: undefined })
  })

  test('takes many values at once', () => {
    const session = open({ visits: 1 })
    Object.assign(session.data, { name: 'Ada', cart: [] })
    assert.deepEqual(session.toJSON(), { visits: 1, name: 'Ada', cart: [] })
  })

  test('deletes', () => {
    const session = open({ name: 'Ada', visits: 1 })
    delete session.data.name
    delete session.data.cart
    assert.equal(Reflect.deleteProperty(session.data, 'visits'), true)
    assert.equal(session.size, 0)
  })

  test('knows which keys there are', () => {
    const { data } = open({ name: 'Ada', note: undefined })
    assert.equal('name' in data, true)
    assert.equal('note' in data, true)
    assert.equal('visits' in data, false)
    assert.deepEqual(Object.keys(data), ['name', 'note'])
    assert.deepEqual(Object.entries(data), [
      ['name', 'Ada'],
      ['note', undefined],
    ])
    assert.equal(Object.hasOwn(data, 'name'), true)
    const seen: string[] = []
    for (const key in data) seen.push(key)
    assert.deepEqual(seen, ['name', 'note'])
  })

  test('can be spread, put into JSON and shown', () => {
    const { data } = open({ name: 'Ada', cart: ['apple'] })
    assert.deepEqual({ ...data }, { name: 'Ada', cart: ['apple'] })
    assert.equal(JSON.stringify(data), '{"name":"Ada","cart":["apple"]}')
    assert.equal(JSON.stringify({ data }), '{"data":{"name":"Ada","cart":["apple"]}}')
    assert.equal(inspect(data), "{ name: 'Ada', cart: [ 'apple' ] }")
    assert.deepEqual(structuredClone({ ...data }), { name: 'Ada', cart: ['apple'] })
  })

  test('cannot be cloned as it is, which is said at once', () => {
    assert.throws(() => structuredClone(open({ name: 'Ada' }).data), { name: 'DataCloneError' })
  })

  test('can be awaited: it is no promise', async () => {
    const { data } = open({ name: 'Ada' })
    assert.equal(await data, data)
  })

  test('sees changes inside its objects', () => {
    const session = open({ cart: ['apple'] })
    session.data.cart?.push('pear')
    assert.deepEqual(session.get('cart'), ['apple', 'pear'])
  })

  test('is one object for the whole request, and shows the session as it is', () => {
    const session = open({ name: 'Ada' })
    const { data } = session
    assert.equal(session.data, data)
    session.destroy()
    assert.equal(session.data, data)
    assert.deepEqual({ ...data }, {})
    session.set('name', 'Grace')
    assert.equal(data.name, 'Grace')
  })

  test('may be stored under a key of the session as plain data', () => {
    const session = open({ name: 'Ada' })
    session.set('cart', { ...session.data } as unknown as string[])
    assert.deepEqual(session.toJSON(), { name: 'Ada', cart: { name: 'Ada' } })
  })
})

suite('session.data as a way to change a prototype', () => {
  const hostile = (): Record<string, unknown> => open().data as Record<string, unknown>

  test('has no prototype and inherits nothing', () => {
    const data = hostile()
    assert.equal(Object.getPrototypeOf(data), null)
    for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      assert.equal(data[key], undefined)
      assert.equal(key in data, false)
    }
  })

  test('refuses __proto__ as a key in every way', () => {
    const data = hostile()
    const polluted = { polluted: true }
    const attempts: (() => unknown)[] = [
      () => Reflect.set(data, '__proto__', polluted),
      () => Object.assign(data, JSON.parse('{"__proto__":{"polluted":true}}')),
      () => Object.defineProperty(data, '__proto__', { value: polluted }),
    ]
    for (const attempt of attempts) assert.throws(attempt, SessionDataError)
    assert.throws(() => Object.setPrototypeOf(data, polluted), TypeError)
    assert.equal(data['polluted'], undefined)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('takes other names of every object as ordinary keys', () => {
    const data = hostile()
    const values = {
      constructor: { prototype: { polluted: true } },
      toString: 1,
      hasOwnProperty: 2,
    }
    Object.assign(data, values)
    assert.deepEqual({ ...data }, values)
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('makes no chain of changes through constructor.prototype', () => {
    const data = hostile() as Record<string, Record<string, Record<string, unknown>>>
    assert.throws(() => {
      ;(data['constructor'] as Record<string, Record<string, unknown>>)['prototype'] = {}
    }, TypeError)
  })
})

suite('session.data refuses', () => {
  test('symbols as keys, and has none', () => {
    const { data } = open()
    assert.throws(() => Object.assign(data, { [Symbol('x')]: 1 }), TypeError)
    assert.equal(Reflect.get(data, Symbol.iterator), undefined)
    assert.equal(Reflect.has(data, inspect.custom), false)
    assert.deepEqual(Object.getOwnPropertySymbols(data), [])
  })

  test('accessors and properties that could not be changed, and sets nothing then', () => {
    const session = open()
    const descriptors: PropertyDescriptor[] = [
      { get: () => 'Ada' },
      { set() {} },
      { value: 'Ada', writable: false },
      { value: 'Ada', enumerable: false },
      { value: 'Ada', configurable: false },
      {},
    ]
    for (const descriptor of descriptors) {
      assert.throws(() => Object.defineProperty(session.data, 'name', descriptor), TypeError)
      assert.equal(session.has('name'), false)
    }
    Object.defineProperty(session.data, 'name', { value: 'Ada', writable: true })
    assert.equal(session.get('name'), 'Ada')
  })

  test('to be frozen or sealed', () => {
    const { data } = open({ name: 'Ada' })
    for (const fix of [Object.freeze, Object.seal, Object.preventExtensions]) {
      assert.throws(() => fix(data), TypeError)
    }
    assert.equal(Object.isExtensible(data), true)
  })

  test('what cannot be stored, with its path', () => {
    const { data } = open()
    assert.throws(() => Object.assign(data, { cart: [() => {}] }), { path: 'cart[0]' })
  })
})
