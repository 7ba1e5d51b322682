import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import pg from 'pg'
import { postgresSchema, postgresStore } from '../../../src/postgres.ts'
import type { PostgresStatement } from '../../../src/stores/postgres/postgres-connections.ts'
import { recordColumns } from '../../../src/stores/postgres/postgres-values.ts'
import { sessionStatements } from '../../../src/stores/postgres/session-statements.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newDatabaseUrl, newPool } from './postgres-databases.ts'

const { skip } = sharedPostgres

const { columns: _, ...statements } = sessionStatements({
  table: 'sessions',
  columns: recordColumns(false),
  prepared: true,
  sweepLock: 1n,
})

const kept: [string, PostgresStatement][] = Object.entries(statements).flatMap(
  ([verb, statement]): [string, PostgresStatement][] =>
    'sql' in statement
      ? [[verb, statement]]
      : [
          [verb, statement.one],
          [`${verb} of many`, statement.many],
        ],
)

suite('PostgreSQL finds rows by an index', { skip }, async () => {
  if (skip !== false) return
  const url = await newDatabaseUrl()

  // A plan that was made while the table was empty is kept until statistics are gathered, which takes
  // a minute: long enough for a new deploy to fill it.
  for (const [verb, { name, sql }] of kept) {
    if (name === null) continue
    test(`in ${verb}, with the plan that it keeps from the empty table`, async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        await client.query('DROP TABLE IF EXISTS sessions, sessions_versions')
        await client.query(postgresSchema())
        await client.query('SET plan_cache_mode = force_generic_plan')
        await client.query(`PREPARE statement AS ${sql}`)
        const parameters = Array.from({ length: parameterCount(sql) }, () => 'NULL').join(', ')
        const { rows } = await client.query(`EXPLAIN EXECUTE statement (${parameters})`)
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        assert.doesNotMatch(plan, /Seq Scan|Hash Join|Merge Join/)
        if (!verb.startsWith('create')) assert.match(plan, /Index (Only )?Scan/)
      } finally {
        await client.end()
      }
    })
  }

  for (const verb of ['list', 'scan', 'sweep', 'deleteAll', 'lockSessions'] as const) {
    test(`in ${verb}, in a table of ten thousand`, async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        await client.query('DROP TABLE IF EXISTS sessions, sessions_versions')
        await client.query(postgresSchema())
        await client.query(`INSERT INTO sessions
          SELECT gen_random_uuid(), 'hash', NULL, NULL, 'user-' || n % 1000, repeat('x', 500), NULL,
            1, n, n, 1, n, n, false, NULL, NULL FROM generate_series(1, 10000) AS n`)
        await client.query('ANALYZE sessions')
        const id = "'00000000-0000-0000-0000-000000000000'"
        const parameters = {
          list: `'user-1', NULL, 1, 10`,
          scan: `${id}, 10`,
          sweep: '100, 10',
          deleteAll: `'user-1', NULL`,
          lockSessions: `${id}, 'user-1', 1`,
        }[verb]
        await client.query('SET plan_cache_mode = force_custom_plan')
        await client.query(`PREPARE statement AS ${statements[verb].sql}`)
        const { rows } = await client.query(`EXPLAIN EXECUTE statement (${parameters})`)
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        assert.doesNotMatch(plan, /Seq Scan/)
      } finally {
        await client.end()
      }
    })
  }

  test('and touches none in a save that leaves the deadline and the principal alone', async () => {
    const pool = newPool(url, { max: 1 })
    await pool.query('DROP TABLE IF EXISTS sessions, sessions_versions')
    const store = postgresStore(pool)
    const records = Array.from({ length: 8 }, () => newRecord({ principal: 'ada' }))
    await Promise.all(records.map((record) => store.create(record)))
    // The store has one connection here, and these counters are those of its transaction.
    await pool.query('BEGIN')
    for (const count of [1, records.length]) {
      const saved = records.slice(0, count)
      const versions = await Promise.all(saved.map(({ id }) => store.load([id], now)))
      await Promise.all(
        versions
          .flat()
          .map((record) => store.save({ ...record, data: 'new' }, record.version, now)),
      )
    }
    const { rows } = await pool.query(
      `SELECT pg_stat_get_xact_tuples_updated(oid) AS updated,
         pg_stat_get_xact_tuples_hot_updated(oid) AS hot
       FROM pg_class WHERE relname = 'sessions'`,
    )
    await pool.query('COMMIT')
    assert.deepEqual(rows, [{ updated: '9', hot: '9' }])
  })
})

function parameterCount(sql: string): number {
  return Math.max(...[...sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
}
