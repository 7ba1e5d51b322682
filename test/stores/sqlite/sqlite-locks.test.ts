import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { suite, test } from 'node:test'
import { setTimeout as elapsed } from 'node:timers/promises'
import BetterSqlite from 'better-sqlite3'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import { sqliteStore } from '../../../src/sqlite.ts'
import { newRecord, now } from './records.ts'
import { driverNames, newPath, openClient, openStore } from './sqlite-databases.ts'
import { watch } from './statement-log.ts'

test('a write waits for a lock of another connection without holding the event loop', async () => {
  const path = newPath()
  const store = openStore(path)
  const other = openClient('node:sqlite', path)
  other.exec('BEGIN IMMEDIATE')
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()

  let answered = false
  const record = newRecord()
  const created = Promise.resolve(store.create(record)).finally(() => {
    answered = true
  })
  for (let turn = 0; turn < 300; turn++) await elapsed(1)
  delay.disable()
  assert.equal(answered, false)
  assert.ok(delay.percentile(95) < 20e6, `${delay.percentile(95) / 1e6} ms`)
  assert.deepEqual(await store.load([record.id], now), [], 'reads go on meanwhile')

  other.exec('COMMIT')
  assert.equal(await created, 'created')
})

test('a write that waited longer than busyTimeout is refused, and never done later', async () => {
  const path = newPath()
  const store = openStore(path, { busyTimeout: '50ms' })
  const other = openClient('node:sqlite', path)
  other.exec('BEGIN IMMEDIATE')
  const early = newRecord()
  const refused = assert.rejects(
    async () => store.create(early),
    (error) =>
      error instanceof StoreUnavailableError &&
      /busyTimeout/.test(error.message) &&
      /database is locked/.test(String(error.cause)),
  )
  await refused
  const late = newRecord()
  const created = store.create(late)
  other.exec('COMMIT')
  assert.equal(await created, 'created')
  assert.equal((await store.load([early.id, late.id], now)).length, 1)
})

test('close gives up on what a lock holds back, after busyTimeout', async () => {
  const path = newPath()
  const store = openStore(path, { busyTimeout: '50ms' })
  const other = openClient('node:sqlite', path)
  other.exec('BEGIN IMMEDIATE')
  const refused = assert.rejects(async () => store.create(newRecord()), StoreUnavailableError)
  await store.close()
  await refused
  other.exec('COMMIT')
})

for (const name of driverNames) {
  suite(`a store on ${name}`, () => {
    test('never writes inside a transaction of the user', async () => {
      const client = openClient(name, newPath())
      client.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY)')
      const store = sqliteStore(client)
      const record = newRecord()
      client.exec('BEGIN; INSERT INTO orders VALUES (1)')
      let answered = false
      const created = Promise.resolve(store.create(record)).finally(() => {
        answered = true
      })
      for (let turn = 0; turn < 30; turn++) await elapsed(1)
      assert.equal(answered, false)
      client.exec('ROLLBACK')
      assert.equal(await created, 'created')
      assert.equal((await store.load([record.id], now)).length, 1)
      assert.deepEqual(client.prepare('SELECT * FROM orders').all(), [])
    })

    test('refuses what a transaction of the user holds back longer than busyTimeout', async () => {
      const client = openClient(name, newPath())
      const store = sqliteStore(client, { busyTimeout: '30ms' })
      const record = newRecord()
      client.exec('BEGIN')
      await assert.rejects(async () => store.create(record), StoreUnavailableError)
      client.exec('COMMIT')
      assert.deepEqual(await store.load([record.id], now), [])
    })

    test('waits for another connection for a few milliseconds at a time, then as its user set it', async () => {
      const path = newPath()
      const client = openClient(name, path)
      client.exec('PRAGMA busy_timeout = 4321')
      const store = sqliteStore(client)
      const other = openClient(name, path)
      other.exec('BEGIN IMMEDIATE')
      const created = store.create(newRecord())
      const before = performance.now()
      for (let turn = 0; turn < 5; turn++) await elapsed(1)
      assert.ok(performance.now() - before < 1000, 'the driver itself would wait for 4321 ms')
      other.exec('COMMIT')
      assert.equal(await created, 'created')
      assert.deepEqual(
        Object.values(client.prepare('PRAGMA busy_timeout').get() as object)[0],
        4321,
      )
    })

    test('waits for readers in a database without WAL', async () => {
      const path = newPath()
      const client = openClient(name, path, 'DELETE')
      const store = sqliteStore(client)
      const record = newRecord()
      await store.create(record)
      const reader = openClient(name, path, 'DELETE')
      reader.exec('BEGIN')
      reader.prepare('SELECT count(*) FROM sessions').all()
      let answered = false
      const saved = Promise.resolve(store.save(record, 1, now)).finally(() => {
        answered = true
      })
      for (let turn = 0; turn < 30; turn++) await elapsed(1)
      assert.equal(answered, false)
      reader.exec('COMMIT')
      assert.equal(await saved, 'saved')
    })
  })
}

test('a read that meets a lock waits a quarter of a second, then throws', async () => {
  const path = newPath()
  const client = openClient('node:sqlite', path, 'DELETE')
  client.exec('PRAGMA busy_timeout = 7')
  const log = watch(client)
  const store = sqliteStore(client)
  const record = newRecord()
  await store.create(record)
  const other = openClient('node:sqlite', path, 'DELETE')
  other.exec('BEGIN EXCLUSIVE')
  log.words = []
  const before = performance.now()
  assert.throws(() => store.load([record.id], now), StoreUnavailableError)
  const waitedMs = performance.now() - before
  assert.ok(waitedMs > 200 && waitedMs < 2000, `${waitedMs} ms`)
  assert.deepEqual(log.words, ['SELECT', 'PRAGMA', 'SELECT', 'PRAGMA'])
  other.exec('COMMIT')
  assert.equal((await store.load([record.id], now)).length, 1)
})

test('a store on better-sqlite3 waits while its user iterates over rows', async () => {
  const client = new BetterSqlite(newPath())
  const store = sqliteStore(client)
  await store.create(newRecord())
  await store.create(newRecord())
  const ids: unknown[] = []
  let created: unknown
  for (const row of client.prepare('SELECT id FROM sessions').iterate()) {
    ids.push(row)
    created ??= store.create(newRecord())
    for (let turn = 0; turn < 20; turn++) await elapsed(1)
  }
  assert.equal(ids.length, 2)
  assert.equal(await created, 'created')
  client.close()
})
