import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import { SessionOptionsError } from '../../../src/core/errors.ts'
import type { PostgresClient } from '../../../src/postgres.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newDatabaseUrl, newPool, once } from './postgres-databases.ts'

test('the clients of pg, PGlite and postgres.js have the shape that the store asks for', async () => {
  const pool = new pg.Pool()
  const sql = postgres()
  const database = await PGlite.create()
  const clients: PostgresClient[] = [pool, sql, database]
  for (const client of clients) await postgresStore(client).close()
  await database.close()
})

test('what is no client, or only one connection, is refused with what to pass instead', async () => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /pass a Pool of pg/],
    ['postgres://127.0.0.1/app', /pass a Pool of pg/],
    [{}, /pass a Pool of pg/],
    [new pg.Client(), /a single connection .*new pg\.Pool/],
    [new pg.Pool({ binary: true } as pg.PoolConfig), /binary: true/],
  ]
  for (const [client, message] of wrong) {
    assert.throws(
      () => postgresStore(client as PostgresClient),
      (error) => error instanceof SessionOptionsError && message.test(error.message),
      String(message),
    )
  }
})

test('options are checked: names and values', () => {
  const wrong: [object, RegExp][] = [
    [{ ttl: 5 }, /ttl: there is no such option\. Known are: prefix/],
    [{ timeout: 5000 }, /timeout: the bare number 5000/],
    [{ prefix: 'App_' }, /prefix: 'App_'/],
    [{ prefix: 'a-b' }, /prefix: 'a-b'/],
    [{ prefix: 'pg_' }, /prefix: 'pg_'/],
  ]
  for (const [options, message] of wrong) {
    assert.throws(
      () => postgresStore(new pg.Pool(), options),
      (error) => error instanceof SessionOptionsError && message.test(error.message),
      String(message),
    )
  }
})

const { skip } = sharedPostgres

suite('a postgresStore', { skip }, async () => {
  if (skip !== false) return
  const url = await newDatabaseUrl()

  test('survives an idle connection that dies, and serves the next request', async () => {
    const pool = new pg.Pool({ connectionString: url })
    try {
      const store = postgresStore(pool)
      const record = newRecord()
      await store.create(record)
      const errors: Error[] = []
      pool.on('error', (error) => errors.push(error))
      await once(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal((await store.load([record.id], now)).length, 1)
    } finally {
      await pool.end()
    }
  })

  test('leaves the error listener of the app alone, and adds one only where there is none', () => {
    const pool = newPool(url)
    const onError = () => {}
    pool.on('error', onError)
    postgresStore(pool)
    assert.deepEqual(pool.listeners('error'), [onError])

    const bare = newPool(url)
    postgresStore(bare)
    postgresStore(bare)
    assert.equal(bare.listenerCount('error'), 1)
  })

  test('does not pile up listeners on connections', async () => {
    const pool = newPool(url, { max: 1 })
    const store = postgresStore(pool)
    for (let count = 0; count < 20; count++) await store.load([newRecord().id], now)
    const client = await pool.connect()
    assert.ok(client.listenerCount('error') <= 2)
    client.release()
  })

  test('is not affected by the type parsers of the app', async () => {
    const types = [16, 17, 20, 25] as const
    const usual = types.map((type) => pg.types.getTypeParser(type))
    try {
      for (const type of types) pg.types.setTypeParser(type, () => 'parsed by the app')
      const store = postgresStore(newPool(url))
      const record = newRecord({ principal: 'ada', data: Uint8Array.of(0, 255), persistent: true })
      await store.create(record)
      const [loaded] = await store.load([record.id], now)
      assert.deepEqual(loaded, record)
      assert.equal(await store.deleteAll({ principal: 'ada' }), 1)
    } finally {
      for (const [index, type] of types.entries()) {
        const parser = usual[index]
        if (parser !== undefined) pg.types.setTypeParser(type, parser as (value: string) => unknown)
      }
    }
  })

  test('works where transactions are serializable by default', async () => {
    const pool = newPool(url, { options: '-c default_transaction_isolation=serializable' })
    const stores = [postgresStore(pool), postgresStore(pool)]
    const limit = { max: 3, onExceed: 'reject' } as const
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        stores[index % 2]?.create(newRecord({ principal: 'grace' }), limit),
      ),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 3)
    const [store] = stores
    const record = newRecord()
    await store?.create(record)
    const saves = await Promise.all(stores.map((each) => each.save(record, 1, now)))
    assert.deepEqual(saves.toSorted(), ['conflict', 'saved'])
  })

  test('shows no parameters in the errors of PGlite', async () => {
    const database = await PGlite.create()
    try {
      const store = postgresStore(database)
      const record = newRecord({ data: 'private', userAgent: 'a\0b' })
      const error = await Promise.resolve(store.create(record)).then(
        () => assert.fail('created'),
        (reason: unknown) => reason,
      )
      assert.doesNotMatch(JSON.stringify(error), /private|sha256/)
    } finally {
      await database.close()
    }
  })

  test('shows no row in the errors of a table that refuses it', async () => {
    await once(url, "ALTER TABLE sessions ADD CHECK (data <> 'private')")
    const store = postgresStore(newPool(url))
    const error = await Promise.resolve(store.create(newRecord({ data: 'private' }))).then(
      () => assert.fail('created'),
      (reason: unknown) => reason,
    )
    assert.doesNotMatch(JSON.stringify(error), /private|sha256/)
  })
})
