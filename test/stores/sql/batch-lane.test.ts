import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { SqlConnection } from '../../../src/stores/sql/sql-database.ts'
import { deferred } from '../../support/http-exchange.ts'
import { DatabaseError, scriptedLane, settle } from './scripted-database.ts'

suite('a lane', () => {
  test('sends what one turn of the event loop asks for as one batch', async () => {
    const { add, batches, ids } = scriptedLane()
    const first = add('a', 'b')
    await Promise.resolve()
    const second = add('c')
    assert.deepEqual(ids(), [], 'nothing leaves in the turn of the caller')
    await settle()
    assert.deepEqual(ids(), ['a b c'])
    batches[0]?.answer()
    assert.deepEqual(await Promise.all([...first, ...second]), ['did a', 'did b', 'did c'])
  })

  test('has two batches under way, and sends what arrives meanwhile with the next', async () => {
    const { add, batches, ids } = scriptedLane()
    for (const id of ['a', 'b', 'c', 'd']) {
      void add(id)
      await settle()
    }
    assert.deepEqual(ids(), ['a', 'b'])
    batches[1]?.answer()
    await settle()
    assert.deepEqual(ids(), ['a', 'b', 'c d'])
  })

  test('never has an id under way twice, whoever comes first goes first', async () => {
    const { add, batches, ids } = scriptedLane()
    const outcomes = add('a', 'b', 'a', 'a')
    await settle()
    assert.deepEqual(ids(), ['a b'])
    void add('c')
    await settle()
    assert.deepEqual(ids(), ['a b', 'c'])
    batches[0]?.answer()
    await settle()
    assert.deepEqual(ids(), ['a b', 'c', 'a'])
    batches[2]?.answer()
    await settle()
    assert.deepEqual(ids(), ['a b', 'c', 'a', 'a'])
    batches[3]?.answer()
    assert.deepEqual(await Promise.all(outcomes), ['did a', 'did b', 'did a', 'did a'])
  })

  test('sends any number of operations that have no id together', async () => {
    const { add, ids } = scriptedLane()
    void add(null, null, null)
    await settle()
    assert.deepEqual(ids(), [' '.repeat(2)])
  })

  test('splits what is too much for one statement', async () => {
    const { lane, batches } = scriptedLane()
    for (let count = 0; count < 300; count++) void lane.add({ id: `${count}` })
    await settle()
    assert.deepEqual(
      batches.map(({ ids }) => ids.length),
      [256, 44],
    )

    const large = scriptedLane()
    for (let count = 0; count < 5; count++) void large.lane.add({ id: `${count}`, bytes: 600_000 })
    await settle()
    assert.deepEqual(
      large.batches.map(({ ids }) => ids.length),
      [2, 2],
    )
  })

  test('lets operations join until there is a connection', async () => {
    const { add, ids, onConnect, connection } = scriptedLane()
    const free = deferred<SqlConnection>()
    onConnect(() => free.promise)
    void add('a')
    await settle()
    void add('b')
    await settle()
    free.resolve(connection)
    await settle()
    assert.deepEqual(ids(), ['a b'])
  })

  test('is drained when everything has been answered', async () => {
    const { lane, add, batches } = scriptedLane()
    await lane.drain()
    void add('a', 'a')
    let isDrained = false
    const drained = lane.drain().then(() => {
      isDrained = true
    })
    for (const index of [0, 1]) {
      await settle()
      assert.equal(isDrained, false)
      batches[index]?.answer()
    }
    await drained
  })
})

suite('when a batch fails', () => {
  test('because of a value, each operation is run alone and only that one fails', async () => {
    const { add, batches, ids, released } = scriptedLane()
    const outcomes = Promise.allSettled(add('a', 'poison', 'c'))
    await settle()
    batches[0]?.fail(new DatabaseError('refused'))
    await settle()
    batches[1]?.answer()
    await settle()
    const refusal = new DatabaseError('refused')
    batches[2]?.fail(refusal)
    await settle()
    batches[3]?.answer()
    assert.deepEqual(await outcomes, [
      { status: 'fulfilled', value: 'did a' },
      { status: 'rejected', reason: refusal },
      { status: 'fulfilled', value: 'did c' },
    ])
    await settle()
    assert.deepEqual(ids(), ['a poison c', 'a', 'poison', 'c'])
    assert.deepEqual(released, [false])
  })

  test('because its outcome is unknown, nothing of it is sent again', async () => {
    const { add, batches, ids, released } = scriptedLane()
    const outcomes = Promise.allSettled(add('a', 'b'))
    await settle()
    const cause = new Error('the connection broke')
    batches[0]?.fail(cause)
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === 'rejected')
      assert.ok(outcome.reason instanceof StoreUnavailableError)
      assert.equal(outcome.reason.cause, cause)
    }
    await settle()
    assert.deepEqual(ids(), ['a b'])
    assert.deepEqual(released, [true])
  })

  test('because the server undid it, it is sent again, with what has come since', async () => {
    const { add, batches, ids, released } = scriptedLane()
    const outcomes = add('a', 'b')
    await settle()
    batches[0]?.fail(new DatabaseError('again'))
    await sleep(10)
    assert.deepEqual(ids(), ['a b', 'a b'])
    batches[1]?.answer()
    assert.deepEqual(await Promise.all(outcomes), ['did a', 'did b'])
    await settle()
    assert.deepEqual(released, [false, false])
  })

  test('because of the tables, its callers are told what to do, on a new connection next time', async () => {
    const { add, batches, released } = scriptedLane()
    const outcomes = Promise.allSettled(add('a', 'b'))
    await settle()
    batches[0]?.fail(new DatabaseError('misfit'))
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === 'rejected')
      assert.equal(outcome.reason.message, 'a misfit')
    }
    assert.deepEqual(released, [true])
  })

  test('while each operation is run alone, the ones that were not sent go with the next', async () => {
    const { add, batches, ids } = scriptedLane()
    const [first, second, third] = add('a', 'b', 'c')
    await settle()
    batches[0]?.fail(new DatabaseError('refused'))
    await settle()
    batches[1]?.answer()
    assert.equal(await first, 'did a')
    await settle()
    batches[2]?.fail(new Error('the connection broke'))
    await assert.rejects(second ?? Promise.resolve(), StoreUnavailableError)
    await settle()
    assert.deepEqual(ids(), ['a b c', 'a', 'b', 'c'])
    batches[3]?.answer()
    assert.equal(await third, 'did c')
  })
})

suite('when there is no connection', () => {
  test('because the database is down, whoever waits is told at once, and the next try is fresh', async () => {
    const { add, batches, onConnect, connection } = scriptedLane()
    const cause = new Error('connect ECONNREFUSED')
    onConnect(() => Promise.reject(cause))
    for (const outcome of await Promise.allSettled(add('a', 'b'))) {
      assert.ok(outcome.status === 'rejected')
      assert.ok(outcome.reason instanceof StoreUnavailableError)
      assert.equal(outcome.reason.cause, cause)
    }
    onConnect(async () => connection)
    const [outcome] = add('c')
    await settle()
    batches[0]?.answer()
    assert.equal(await outcome, 'did c')
  })

  test('in time, what has waited too long is never sent, and the connection goes back', async () => {
    const { add, ids, onConnect, connection, released } = scriptedLane(30)
    const free = deferred<SqlConnection>()
    onConnect(() => free.promise)
    for (const outcome of await Promise.allSettled(add('a', 'b'))) {
      assert.ok(outcome.status === 'rejected')
      assert.ok(outcome.reason instanceof StoreUnavailableError)
      assert.match(outcome.reason.message, /no free connection within 30 ms .* Nothing was sent/)
    }
    await sleep(20)
    free.resolve(connection)
    await settle()
    assert.deepEqual(ids(), [])
    assert.deepEqual(released, [false])
  })

  test('a lane whose connections never come is as good as new when they come again', async () => {
    const { add, batches, onConnect, connection } = scriptedLane(20)
    onConnect(() => new Promise(() => {}))
    for (let round = 0; round < 4; round++) await Promise.allSettled(add('a'))
    onConnect(async () => connection)
    while (batches.length === 0) {
      void Promise.allSettled(add('b'))
      await sleep(5)
    }
    assert.deepEqual(new Set(batches[0]?.ids), new Set(['b']))
  })
})

suite('when there is no answer', () => {
  test('in time, nobody knows, the connection is closed, and the lane goes on', async () => {
    const { add, batches, ids, released } = scriptedLane(30)
    const [outcome] = add('a')
    await assert.rejects(outcome ?? Promise.resolve(), {
      code: 'ERR_SESSION_STORE_UNAVAILABLE',
      message: /did not answer within 30 ms/,
    })
    await sleep(20)
    assert.deepEqual(released, [true])
    const [next] = add('a')
    await settle()
    batches[1]?.answer()
    assert.equal(await next, 'did a')
    assert.deepEqual(ids(), ['a', 'a'])
  })

  test('while each operation is run alone, none of them is run twice', async () => {
    const { add, batches, ids } = scriptedLane(30)
    const outcomes = Promise.allSettled(add('a', 'b', 'c'))
    await settle()
    batches[0]?.fail(new DatabaseError('refused'))
    await outcomes
    await sleep(20)
    batches[1]?.answer()
    await settle()
    assert.deepEqual(ids(), ['a b c', 'a'])
  })
})
