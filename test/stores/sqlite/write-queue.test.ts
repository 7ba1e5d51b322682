import assert from 'node:assert/strict'
import { mock, suite, test } from 'node:test'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import { sqliteStore } from '../../../src/sqlite.ts'
import { newRecord, now } from './records.ts'
import { driverNames, newPath, openClient } from './sqlite-databases.ts'
import { type StatementLog, watch } from './statement-log.ts'

for (const name of driverNames) {
  suite(`the writes of a store on ${name}`, () => {
    test('that are accepted in one turn of the event loop share one transaction', async () => {
      const client = openClient(name, newPath())
      const log = watch(client)
      const store = sqliteStore(client)
      const records = Array.from({ length: 64 }, () => newRecord())
      await Promise.all(records.map((record) => store.create(record)))
      log.words = []

      const saves = records.map((record) => store.save({ ...record, data: 'new' }, 1, now + 1))
      const others = [
        store.touch(records[0]?.id ?? '', 2, now + 1, 600_000, now + 1),
        store.create(newRecord()),
        store.delete('unknown'),
        store.deleteAll({ principal: 'nobody' }),
        store.sweep(now, 10),
      ]
      assert.deepEqual(log.words, [], 'nothing runs in the turn of the caller')
      assert.deepEqual(new Set(await Promise.all(saves)), new Set(['saved']))
      assert.deepEqual(await Promise.all(others), [true, 'created', 'gone', 0, 0])
      assert.deepEqual(transactions(log), ['BEGIN', 'COMMIT'])
      assert.equal(log.words.filter((word) => word === 'UPDATE').length, 65)
    })

    test('are answered after the commit, not before', async () => {
      const client = openClient(name, newPath())
      const log = watch(client)
      const store = sqliteStore(client)
      log.words = []
      await store.create(newRecord())
      log.words.push('answer')
      assert.deepEqual(
        log.words.filter((word) => word !== 'PRAGMA'),
        ['BEGIN', 'INSERT', 'COMMIT', 'answer'],
      )
    })

    test('do not fail together because of one that cannot be stored', async () => {
      const store = sqliteStore(openClient(name, newPath()))
      const [before, poisoned, after] = [newRecord(), newRecord({ version: 1.5 }), newRecord()]
      const results = await Promise.allSettled(
        [before, poisoned, after].map((record) => store.create(record)),
      )
      assert.deepEqual(results[0], { status: 'fulfilled', value: 'created' })
      assert.deepEqual(results[2], { status: 'fulfilled', value: 'created' })
      assert.equal(results[1]?.status, 'rejected')
      assert.match(String(results[1].reason), /REAL value in INTEGER column/)
      assert.ok(!(results[1].reason instanceof StoreUnavailableError), 'the database is well')
      const loaded = await store.load([before.id, poisoned.id, after.id], now)
      assert.deepEqual(new Set(loaded.map(({ id }) => id)), new Set([before.id, after.id]))
    })

    test('that still fit succeed while the disk is full, the others as soon as it is not', async () => {
      const client = openClient(name, newPath())
      const log = watch(client)
      const store = sqliteStore(client)
      const small = newRecord()
      const large = newRecord({ data: 'x'.repeat(100_000) })
      await store.create(small)
      // SQLite has no room for more than this, and rolls the transaction back by itself.
      const [pages] = Object.values(client.prepare('PRAGMA page_count').get() as object)
      client.exec(`PRAGMA max_page_count = ${pages}`)
      log.words = []

      const results = await Promise.allSettled([
        store.save({ ...small, data: 'new' }, 1, now),
        store.create(large),
        store.touch(small.id, 2, now + 1, 600_000, now),
      ])
      assert.deepEqual(results[0], { status: 'fulfilled', value: 'saved' })
      assert.equal(results[1]?.status, 'rejected')
      assert.ok(results[1].reason instanceof StoreUnavailableError)
      assert.deepEqual(results[2], { status: 'fulfilled', value: true })
      const together = ['BEGIN', 'ROLLBACK']
      const eachAlone = ['BEGIN', 'COMMIT', 'BEGIN', 'ROLLBACK', 'BEGIN', 'COMMIT']
      assert.deepEqual(transactions(log), [...together, ...eachAlone])

      client.exec('PRAGMA max_page_count = 1000000')
      assert.equal(await store.create(large), 'created')
    })

    test('meet a database that became read-only with StoreUnavailableError, and recover', async () => {
      const client = openClient(name, newPath())
      const store = sqliteStore(client)
      const record = newRecord()
      await store.create(record)
      client.exec('PRAGMA query_only = ON')
      const saves = [
        Promise.resolve(store.save(record, 1, now)),
        Promise.resolve(store.delete(record.id)),
      ]
      for (const save of saves) await assert.rejects(save, StoreUnavailableError)
      assert.equal((await store.load([record.id], now)).length, 1)
      client.exec('PRAGMA query_only = OFF')
      assert.equal(await store.save(record, 1, now), 'saved')
    })

    test('of a client that its user has closed reject with StoreUnavailableError', async () => {
      const client = openClient(name, newPath())
      const store = sqliteStore(client)
      const record = newRecord()
      await store.create(record)
      client.close()
      await assert.rejects(async () => store.save(record, 1, now), StoreUnavailableError)
      await assert.rejects(async () => store.load([record.id], now), StoreUnavailableError)
      await store.close()
    })
  })
}

test('writes of several callbacks of one turn share one transaction', async () => {
  const client = openClient('node:sqlite', newPath())
  const log = watch(client)
  const store = sqliteStore(client)
  log.words = []
  const created = [1, 2, 3].map(
    () =>
      new Promise((resolve) => {
        // As the callbacks of sockets: microtasks run between one and the next.
        setImmediate(() => resolve(store.create(newRecord())))
      }),
  )
  assert.deepEqual(await Promise.all(created), ['created', 'created', 'created'])
  assert.deepEqual(transactions(log), ['BEGIN', 'COMMIT'])
})

test('a commit whose outcome is unknown is not repeated', async () => {
  const client = openClient('node:sqlite', newPath())
  const log = watch(client)
  const store = sqliteStore(client)
  const records = [newRecord(), newRecord()]
  await Promise.all(records.map((record) => store.create(record)))

  log.words = []
  log.after = (word) => {
    if (word === 'COMMIT') throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
  }
  for (const result of await Promise.allSettled(records.map((each) => store.save(each, 1, now)))) {
    assert.equal(result.status, 'rejected')
    assert.ok(result.reason instanceof StoreUnavailableError)
    assert.match(String(result.reason.cause), /disk I\/O error/)
  }
  assert.deepEqual(transactions(log), ['BEGIN', 'COMMIT', 'ROLLBACK'])

  log.after = undefined
  assert.equal(await store.save(records[0] ?? newRecord(), 1, now), 'conflict', 'it was committed')
})

test('a commit that is refused because of a lock is rolled back and tried again', async () => {
  const client = openClient('node:sqlite', newPath())
  const log = watch(client)
  const store = sqliteStore(client)
  const record = newRecord()
  await store.create(record)
  log.words = []
  let refusals = 0
  log.before = (word) => {
    if (word !== 'COMMIT' || ++refusals > 2) return
    throw Object.assign(new Error('database is locked'), { errcode: 5 })
  }
  assert.equal(await store.save(record, 1, now), 'saved')
  assert.deepEqual(transactions(log), [
    ...['BEGIN', 'COMMIT', 'ROLLBACK'],
    ...['BEGIN', 'COMMIT', 'ROLLBACK'],
    ...['BEGIN', 'COMMIT'],
  ])
})

test('a failure of the database fails the writes of its transaction, and no later ones', async () => {
  const client = openClient('node:sqlite', newPath())
  const log = watch(client)
  const store = sqliteStore(client)
  const records = [newRecord(), newRecord()]
  log.before = (word) => {
    if (word === 'INSERT') throw Object.assign(new Error('disk I/O error'), { errcode: 778 })
  }
  log.words = []
  for (const result of await Promise.allSettled(records.map((each) => store.create(each)))) {
    assert.equal(result.status, 'rejected')
    assert.ok(result.reason instanceof StoreUnavailableError)
  }
  assert.deepEqual(transactions(log), ['BEGIN', 'ROLLBACK'])
  log.before = undefined
  assert.equal(await store.create(newRecord()), 'created')
  assert.equal((await store.scan({ limit: 10 }, now)).records.length, 1)
})

test('more writes than the event loop should be held for take several transactions', async () => {
  const client = openClient('node:sqlite', newPath())
  const log = watch(client)
  const store = sqliteStore(client)
  log.words = []
  const outcomes = await Promise.all(Array.from({ length: 600 }, () => store.create(newRecord())))
  assert.deepEqual(new Set(outcomes), new Set(['created']))
  assert.deepEqual(transactions(log), ['BEGIN', 'COMMIT', 'BEGIN', 'COMMIT', 'BEGIN', 'COMMIT'])
})

test('a record that its owner changes after the call is stored as it was', async () => {
  const store = sqliteStore(openClient('node:sqlite', newPath()))
  const record = { ...newRecord(), data: Uint8Array.of(1, 2, 3) }
  const created = store.create(record)
  record.data.fill(0)
  record.idleTimeout = 1
  await created
  const [stored] = await store.load([record.id], now)
  assert.deepEqual(stored?.data, Uint8Array.of(1, 2, 3))
  assert.equal(stored?.idleTimeout, 600_000)
})

test('writes go on in a test whose timers stand still', async () => {
  const store = sqliteStore(openClient('node:sqlite', newPath()))
  mock.timers.enable()
  try {
    assert.equal(await store.create(newRecord()), 'created')
  } finally {
    mock.timers.reset()
  }
})

test('close finishes the writes that were accepted', async () => {
  const client = openClient('node:sqlite', newPath())
  const store = sqliteStore(client)
  const records = Array.from({ length: 10 }, () => newRecord())
  const created = records.map((record) => store.create(record))
  await store.close()
  assert.deepEqual(new Set(await Promise.all(created)), new Set(['created']))
  assert.equal((await sqliteStore(client).scan({ limit: 20 }, now)).records.length, 10)
})

function transactions({ words }: StatementLog): string[] {
  return words.filter((word) => /^(BEGIN|COMMIT|ROLLBACK)$/.test(word))
}
