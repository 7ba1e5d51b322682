import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { StoreSetupError } from '../../../src/core/errors.ts'
import { postgresSchema, postgresStore } from '../../../src/postgres.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newDatabaseUrl, newPool, once } from './postgres-databases.ts'
import { watchedPool } from './watched-pool.ts'

const { skip } = sharedPostgres

test('the page about PostgreSQL shows the schema as it is', () => {
  const page = readFileSync(new URL('../../../docs/stores/postgres.md', import.meta.url), 'utf8')
  const shown = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql)
  assert.ok(shown.includes(`${postgresSchema()}\n`))
})

suite('the tables of a postgresStore', { skip }, () => {
  test('are made at the first use, and nothing is asked before', async () => {
    const url = await newDatabaseUrl()
    const { pool, sent } = watchedPool(url)
    const store = postgresStore(pool)
    assert.equal(pool.totalCount, 0)
    assert.equal(await store.create(newRecord()), 'created')
    assert.ok(sent.some(({ sql }) => sql.startsWith('CREATE TABLE sessions (')))
  })

  test('are made once, however many processes begin at the same moment', async () => {
    const url = await newDatabaseUrl()
    const stores = Array.from({ length: 8 }, () => postgresStore(newPool(url, { max: 2 })))
    const outcomes = await Promise.all(stores.map((store) => store.create(newRecord())))
    assert.deepEqual(new Set(outcomes), new Set(['created']))
    assert.deepEqual(await once(url, 'SELECT version FROM sessions_versions'), [{ version: 1 }])
  })

  test('are looked at once, with two queries, where they are there already', async () => {
    const url = await newDatabaseUrl()
    await once(url, postgresSchema())
    const { pool, sent } = watchedPool(url)
    const store = postgresStore(pool, { migrate: false })
    await Promise.all([store.create(newRecord()), store.load([newRecord().id], now)])
    assert.deepEqual(
      sent.map(({ verb }) => verb),
      ['SELECT', 'SELECT', 'create', 'load'],
    )
  })

  test('that are missing are shown as SQL with migrate: false, until somebody makes them', async () => {
    const url = await newDatabaseUrl()
    const store = postgresStore(newPool(url), { migrate: false, prefix: 'app_' })
    const error = await Promise.resolve(store.create(newRecord())).then(
      () => assert.fail('created without a table'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof StoreSetupError)
    assert.ok(error.message.includes(postgresSchema({ prefix: 'app_' })))
    await once(url, postgresSchema({ prefix: 'app_' }))
    assert.equal(await store.create(newRecord()), 'created')
  })

  test('are made again after somebody has dropped them', async () => {
    const url = await newDatabaseUrl()
    const store = postgresStore(newPool(url))
    await store.create(newRecord())
    await once(url, 'DROP TABLE sessions, sessions_versions')
    await assert.rejects(store.create(newRecord()) as Promise<unknown>, StoreSetupError)
    assert.equal(await store.create(newRecord()), 'created')
  })

  test('of another program are left as they are', async () => {
    const url = await newDatabaseUrl()
    await once(url, 'CREATE TABLE sessions (sid text, sess json)')
    await assert.rejects(
      postgresStore(newPool(url)).create(newRecord()) as Promise<unknown>,
      (error) =>
        error instanceof StoreSetupError && /did not make.*prefix: 'app_'/.test(error.message),
    )
    assert.equal(
      await postgresStore(newPool(url), { prefix: 'app_' }).create(newRecord()),
      'created',
    )
  })

  test('of a newer release are not touched', async () => {
    const url = await newDatabaseUrl()
    await once(url, `${postgresSchema()} INSERT INTO sessions_versions VALUES (7)`)
    await assert.rejects(
      postgresStore(newPool(url)).create(newRecord()) as Promise<unknown>,
      (error) => error instanceof StoreSetupError && /version 7, .* newer/.test(error.message),
    )
  })

  test('that may not be made, or not be read, are a StoreSetupError', async () => {
    const url = await newDatabaseUrl()
    const name = `guest_${now}`
    await once(url, `CREATE ROLE ${name} LOGIN PASSWORD 'secret'`)
    const guestUrl = new URL(url)
    Object.assign(guestUrl, { username: name, password: 'secret' })
    try {
      const guest = postgresStore(newPool(guestUrl.href))
      await assert.rejects(guest.create(newRecord()) as Promise<unknown>, StoreSetupError)
      await once(url, `${postgresSchema()} GRANT SELECT ON sessions_versions TO ${name}`)
      await assert.rejects(guest.create(newRecord()) as Promise<unknown>, StoreSetupError)
      await once(url, `GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO ${name}`)
      assert.equal(await guest.create(newRecord()), 'created')
    } finally {
      await once(url, `DROP OWNED BY ${name}; DROP ROLE ${name}`)
    }
  })

  test('of two prefixes are apart, also on the same connections', async () => {
    const pool = newPool(await newDatabaseUrl(), { max: 1 })
    const [one, other] = [postgresStore(pool, { prefix: 'one_' }), postgresStore(pool)]
    const record = newRecord()
    assert.equal(await one.create(record), 'created')
    assert.deepEqual(await other.load([record.id], now), [])
    assert.equal(await other.create(record), 'created')
    assert.equal(await one.delete(record.id), 'deleted')
    assert.equal((await other.load([record.id], now)).length, 1)
  })
})
