import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { applyOperation, type Operation, type SessionState } from '../../src/core/operations.ts'
import { emptyPayload, type StoredFlash } from '../../src/core/payload.ts'

function stateOf(data: object, rest: Partial<SessionState> = {}): SessionState {
  const payload = { ...emptyPayload(), data: new Map(Object.entries(data)) }
  return { payload, persistent: false, principal: null, ...rest }
}

function dataAfter(data: object, ...operations: Operation[]): object {
  const state = stateOf(data)
  for (const operation of operations) applyOperation(state, operation)
  return Object.fromEntries(state.payload.data)
}

const [first, second]: StoredFlash[] = [
  { id: '1', category: 'message', message: 'first' },
  { id: '2', category: 'error', message: 'second' },
]
const message1 = first as StoredFlash
const message2 = second as StoredFlash

suite('an operation on the data', () => {
  test('sets, deletes, clears and keeps keys', () => {
    const data = { a: 1, b: 2, c: 3 }
    assert.deepEqual(dataAfter(data, { type: 'set', key: 'a', value: 9 }), { a: 9, b: 2, c: 3 })
    assert.deepEqual(dataAfter(data, { type: 'set', key: 'd', value: 4 }), { ...data, d: 4 })
    assert.deepEqual(dataAfter(data, { type: 'delete', key: 'b' }), { a: 1, c: 3 })
    assert.deepEqual(dataAfter(data, { type: 'delete', key: 'x' }), data)
    assert.deepEqual(dataAfter(data, { type: 'clear' }), {})
    assert.deepEqual(dataAfter(data, { type: 'keep', keys: new Set(['c', 'x']) }), { c: 3 })
    assert.deepEqual(dataAfter(data, { type: 'keep', keys: new Set() }), {})
  })

  test('is done in order with others', () => {
    assert.deepEqual(
      dataAfter(
        { a: 1, visits: 1 },
        { type: 'set', key: 'b', value: 1 },
        { type: 'update', key: 'visits', fn: (visits) => (visits as number) + 1 },
        { type: 'keep', keys: new Set(['visits']) },
        { type: 'set', key: 'c', value: 1 },
        { type: 'update', key: 'c', fn: (value) => [value] },
      ),
      { visits: 2, c: [1] },
    )
  })
})

suite('an update', () => {
  test('that throws changes nothing, not even inside of the value it was given', () => {
    const state = stateOf({ cart: { items: [1] } })
    const fn = (cart: unknown): never => {
      ;(cart as { items: number[] }).items.push(2)
      throw new Error('changed its mind')
    }
    const update: Operation = { type: 'update', key: 'cart', fn }
    assert.throws(() => applyOperation(state, update), /changed its mind/)
    assert.deepEqual(Object.fromEntries(state.payload.data), { cart: { items: [1] } })
  })

  test('that returns what cannot be stored changes nothing', () => {
    const state = stateOf({ cart: [1] })
    const update: Operation = { type: 'update', key: 'cart', fn: () => [() => {}] }
    assert.throws(() => applyOperation(state, update), { path: 'cart[0]' })
    assert.deepEqual(Object.fromEntries(state.payload.data), { cart: [1] })
  })

  test('with an asynchronous function is refused, and its rejection harms nobody', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const state = stateOf({ visits: 1 })
    const fn = async () => {
      throw new Error('too late')
    }
    assert.throws(() => applyOperation(state, { type: 'update', key: 'visits', fn }), {
      name: 'SessionDataError',
      code: 'ERR_SESSION_DATA_TYPE',
      path: 'visits',
      message: /session\.update\("visits", fn\): fn must be synchronous/,
    })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    assert.deepEqual(unhandled, [])
    assert.deepEqual(Object.fromEntries(state.payload.data), { visits: 1 })
  })
})

suite('an operation beside the data', () => {
  test('adds flash messages in order and takes only those it names', () => {
    const state = stateOf({})
    applyOperation(state, { type: 'flash-add', message: message1 })
    applyOperation(state, { type: 'flash-add', message: message2 })
    assert.deepEqual(state.payload.flash, [message1, message2])
    applyOperation(state, { type: 'flash-take', ids: new Set(['1', '3']) })
    assert.deepEqual(state.payload.flash, [message2])
  })

  test('leaves a list of messages alone that somebody else may hold', () => {
    const state = stateOf({})
    const before = state.payload.flash
    applyOperation(state, { type: 'flash-add', message: message1 })
    assert.deepEqual(before, [])
  })

  test('sets permanence', () => {
    const state = stateOf({})
    applyOperation(state, { type: 'permanent', value: true })
    assert.equal(state.persistent, true)
    applyOperation(state, { type: 'permanent', value: false })
    assert.equal(state.persistent, false)
  })

  test('gives a CSRF seed only to a session that has none', () => {
    const state = stateOf({})
    applyOperation(state, { type: 'csrf-seed', seed: 'first' })
    applyOperation(state, { type: 'csrf-seed', seed: 'second' })
    assert.equal(state.payload.csrfSeed, 'first')
  })

  test('clear and keep leave messages, seed, permanence and principal', () => {
    const operations: Operation[] = [{ type: 'clear' }, { type: 'keep', keys: new Set() }]
    for (const operation of operations) {
      const state = stateOf({ a: 1 }, { persistent: true, principal: 'ada' })
      Object.assign(state.payload, { flash: [message1], csrfSeed: 'seed' })
      applyOperation(state, operation)
      assert.equal(state.payload.data.size, 0)
      const { persistent, principal } = state
      assert.deepEqual({ persistent, principal }, { persistent: true, principal: 'ada' })
      assert.deepEqual([state.payload.flash, state.payload.csrfSeed], [[message1], 'seed'])
    }
  })
})

suite('a login', () => {
  const login = (principal: string, keep: string[] | null = null): Operation => {
    return { type: 'login', principal, keep: keep && new Set(keep), csrfSeed: 'new' }
  }
  const visitor = (principal: string | null) => {
    const state = stateOf({ cart: [1], theme: 'dark' }, { principal, persistent: true })
    Object.assign(state.payload, { flash: [message1], csrfSeed: 'old' })
    return state
  }

  test('of an anonymous visitor keeps data and messages and draws a new seed', () => {
    const state = visitor(null)
    applyOperation(state, login('ada'))
    assert.equal(state.principal, 'ada')
    assert.equal(state.persistent, true)
    assert.equal(state.payload.csrfSeed, 'new')
    assert.deepEqual(Object.fromEntries(state.payload.data), { cart: [1], theme: 'dark' })
    assert.deepEqual(state.payload.flash, [message1])
  })

  test('keeps only the keys that are named', () => {
    for (const principal of [null, 'ada']) {
      const state = visitor(principal)
      applyOperation(state, login('ada', ['theme', 'missing']))
      assert.deepEqual(Object.fromEntries(state.payload.data), { theme: 'dark' })
    }
    const state = visitor(null)
    applyOperation(state, login('ada', []))
    assert.equal(state.payload.data.size, 0)
  })

  test('again as the same principal keeps the data', () => {
    const state = visitor('ada')
    applyOperation(state, login('ada'))
    assert.deepEqual(Object.fromEntries(state.payload.data), { cart: [1], theme: 'dark' })
    assert.equal(state.payload.csrfSeed, 'new')
  })

  test('as another principal drops data and messages, also keys that are named', () => {
    for (const keep of [null, ['theme']]) {
      const state = visitor('ada')
      applyOperation(state, login('bob', keep))
      assert.equal(state.principal, 'bob')
      assert.equal(state.payload.data.size, 0)
      assert.deepEqual(state.payload.flash, [])
    }
  })
})
