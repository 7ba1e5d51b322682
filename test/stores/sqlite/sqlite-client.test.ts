import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import BetterSqlite from 'better-sqlite3'
import Libsql from 'libsql'
import { SessionOptionsError, StoreSetupError } from '../../../src/core/errors.ts'
import { type SqliteClient, sqliteStore } from '../../../src/sqlite.ts'
import { newRecord, now } from './records.ts'
import { newPath } from './sqlite-databases.ts'

/** `Database` as `bun-types` 1.4 declares it, as far as it matters. */
interface BunDatabase {
  prepare<ReturnType, ParamsType extends BunValue | BunValue[]>(
    sql: string,
    params?: ParamsType,
  ): BunStatement<ReturnType, ParamsType extends BunValue[] ? ParamsType : [ParamsType]>
  exec<ParamsType extends BunValue[]>(sql: string, ...bindings: ParamsType[]): BunChanges
}
interface BunStatement<ReturnType, ParamsType extends unknown[]> {
  get(...params: ParamsType): ReturnType | null
  all(...params: ParamsType): ReturnType[]
  run(...params: ParamsType): BunChanges
}
type BunValue = string | bigint | NodeJS.TypedArray | ArrayBufferLike | number | boolean | null
interface BunChanges {
  changes: number
  lastInsertRowid: number | bigint
}

interface PromisingClient {
  prepare(sql: string): { get(): Promise<unknown>; all(): Promise<unknown[]>; run(): Promise<void> }
  exec(sql: string): Promise<void>
}

type Fits<Client> = Client extends SqliteClient ? true : false

test('the types of the synchronous drivers fit, those that promise do not', () => {
  const fits: [
    Fits<DatabaseSync>,
    Fits<BetterSqlite.Database>,
    Fits<Libsql.Database>,
    Fits<BunDatabase>,
    Fits<PromisingClient>,
  ] = [true, true, true, true, false]
  assert.deepEqual(fits, [true, true, true, true, false])
})

const unusual: Record<string, () => SqliteClient> = {
  'node:sqlite with bigints and rows as arrays': () =>
    new DatabaseSync(newPath(), { readBigInts: true, returnArrays: true }),
  'better-sqlite3 with bigints': () => new BetterSqlite(newPath()).defaultSafeIntegers(),
  'libsql with bigints': () => new Libsql(newPath()).defaultSafeIntegers(),
}

for (const [name, open] of Object.entries(unusual)) {
  test(`${name} keeps its settings for its user, and records are the same`, async () => {
    const client = open()
    const store = sqliteStore(client)
    const record = newRecord({ principal: 'ada', data: Uint8Array.of(1), persistent: true })
    assert.equal(await store.create(record, { max: 1, onExceed: 'reject' }), 'created')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), limit(1)), 'limit')
    assert.equal(await store.save({ ...record, data: 'new' }, 1, now, limit(1)), 'saved')
    const stored = { ...record, version: 2, data: 'new' }
    assert.deepEqual(await store.load([record.id], now), [stored])
    assert.deepEqual((await store.list({ principal: 'ada', limit: 5 }, now)).records, [stored])
    assert.equal(await store.delete(record.id, { expectedVersion: 1 }), 'conflict')
    assert.equal(await store.delete(record.id, { expectedVersion: 2 }), 'deleted')
    await store.close()

    const row = client.prepare('SELECT 1 AS one').get()
    assert.ok(Object.values(row as object).includes(1n))
  })
}

test('a text with NUL is not taken for what stands before it, whatever the driver', async () => {
  for (const client of [
    new DatabaseSync(newPath()),
    new BetterSqlite(newPath()),
    new Libsql(newPath()),
  ]) {
    const store = sqliteStore(client)
    const record = newRecord({ principal: 'admin\0x', data: 'a\0b', userAgent: 'c\0d' })
    await store.create(record)
    assert.deepEqual(await store.load([record.id], now), [record])
    assert.equal(await store.delete(record.id, { principal: 'admin' }), 'gone')
    assert.deepEqual(await store.list({ principal: 'admin', limit: 5 }, now), {
      records: [],
      next: null,
    })
    client.close()
  }
})

test('a client that answers later is refused', () => {
  const promising = {
    exec: async () => {},
    prepare: () => ({
      get: async () => {},
      all: async () => [],
      run: async () => ({ changes: 0 }),
    }),
  }
  assert.throws(
    () => sqliteStore(promising as unknown as SqliteClient),
    (error) =>
      error instanceof SessionOptionsError && /does not answer synchronously/.test(error.message),
  )
})

test('a client that can only read is refused when the store is made', () => {
  const path = newPath()
  const writable = new DatabaseSync(path)
  sqliteStore(writable)
  writable.close()
  for (const client of [
    new DatabaseSync(path, { readOnly: true }),
    new BetterSqlite(path, { readonly: true }),
  ]) {
    assert.throws(
      () => sqliteStore(client),
      (error) =>
        error instanceof StoreSetupError && /cannot be opened for writing/.test(error.message),
    )
    client.close()
  }
})

function limit(max: number): { max: number; onExceed: 'reject' } {
  return { max, onExceed: 'reject' }
}
