import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StoreSetupError } from '../../../src/core/errors.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { storeConformance } from '../../../src/testing.ts'
import { skipWithoutPgbouncer, startPgbouncer } from '../../support/servers/pgbouncer.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { atEnd, newDatabaseUrl, newPool, pgDatabase } from './postgres-databases.ts'

const skip = sharedPostgres.skip || skipWithoutPgbouncer()

suite('postgresStore through PgBouncer, one connection per transaction', { skip }, async () => {
  if (skip !== false) return
  const bouncer = await startPgbouncer(await newDatabaseUrl())
  atEnd(() => bouncer.stop())
  const database = await pgDatabase(bouncer.url)

  const options = { preparedStatements: false }
  const cases = storeConformance({
    open: () => database.open(options),
    connect: () => database.connect(options),
  })
  for (const { group, name, run } of cases) test(`${group}: ${name}`, run)

  test('asks for preparedStatements: false where a statement of the server is lost', async () => {
    const pools = Array.from({ length: 4 }, () => newPool(bouncer.url))
    const stores = pools.map((pool) => postgresStore(pool))
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, async (_, index) =>
        stores[index % 4]?.load([newRecord().id], now),
      ),
    )
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason] : [],
    )
    // Newer ones know the statements of their clients.
    if (failures.length === 0) return
    for (const error of failures) {
      assert.ok(error instanceof StoreSetupError)
      assert.match(error.message, /preparedStatements: false/)
    }
  })
})
