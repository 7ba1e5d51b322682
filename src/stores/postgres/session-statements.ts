import { createHash } from 'node:crypto'
import { type GivenColumn, givenRow, givenRows, type RowsStatement, unseen } from './given-rows.ts'
import type { PostgresStatement } from './postgres-connections.ts'
import type { RecordColumns } from './postgres-values.ts'

/** The SQL of all verbs on one table. docs/stores/postgres.md lists what each verb sends. */
export interface SessionStatements {
  readonly columns: RecordColumns
  readonly load: Pick<RowsStatement, 'one' | 'many'>
  readonly create: RowsStatement
  readonly save: RowsStatement
  readonly touch: RowsStatement
  readonly delete: PostgresStatement
  readonly deleteMany: PostgresStatement
  readonly deleteAll: PostgresStatement
  readonly lockSessions: PostgresStatement
  readonly sweep: PostgresStatement
  readonly list: PostgresStatement
  readonly scan: PostgresStatement
}

export interface StatementOptions {
  readonly table: string
  readonly columns: RecordColumns
  /** Whether the server keeps the plans of those that every request needs. */
  readonly prepared: boolean
  readonly sweepLock: bigint
}

const RECORD_COLUMNS: readonly GivenColumn[] = [
  ['id', 'uuid'],
  ['secret_hash', 'text'],
  ['previous_secret_hash', 'text'],
  ['previous_secret_until', 'bigint'],
  ['principal', 'text'],
  ['data', 'text'],
  ['data_bytes', 'bytea'],
  ['last_seen_at', 'bigint'],
  ['idle_timeout', 'bigint'],
  ['absolute_expires_at', 'bigint'],
  ['persistent', 'boolean'],
  ['user_agent', 'text'],
  ['ip', 'text'],
]

const CREATE_COLUMNS: readonly GivenColumn[] = [
  ...RECORD_COLUMNS,
  ['version', 'bigint'],
  ['created_at', 'bigint'],
  ['expires_at', 'bigint'],
]

const SAVE_COLUMNS: readonly GivenColumn[] = [
  ...RECORD_COLUMNS,
  ['expected_version', 'bigint'],
  ['now', 'bigint'],
]

const TOUCH_COLUMNS: readonly GivenColumn[] = [
  ['id', 'uuid'],
  ['expected_version', 'bigint'],
  ['now', 'bigint'],
  ['last_seen_at', 'bigint'],
  ['idle_timeout', 'bigint'],
]

export function sessionStatements(options: StatementOptions): SessionStatements {
  const { table, columns, sweepLock } = options

  // The server keeps the plan.
  const kept = (verb: string, sql: string): PostgresStatement => ({
    name: options.prepared ? nameOf(verb, sql) : null,
    sql,
  })
  // Planned each time, with the values: what is best depends on them.
  const planned = (sql: string): PostgresStatement => ({ name: null, sql })

  const rows = (
    verb: string,
    given: readonly GivenColumn[],
    one: (query: string) => string,
    many: (query: string) => string,
  ): RowsStatement => ({
    columns: given,
    one: kept(verb, one(givenRow(given))),
    many: kept(`${verb}_many`, many(givenRows(given))),
  })

  const insert = (query: string) =>
    `INSERT INTO ${table} (${CREATE_COLUMNS.map(([name]) => name).join(', ')})
${query}
ON CONFLICT (id) DO NOTHING RETURNING id`

  // A single row needs no lock beforehand. What it cannot tell is why it did nothing.
  const updateOne = (set: string) => (query: string) =>
    `UPDATE ${table} SET
${set}
FROM (${query}) AS given
WHERE ${table}.id = given.id AND version = given.expected_version AND expires_at > given.now
RETURNING ${table}.id, given.expected_version`

  // One lookup per row, in the order of the given ids, whatever the planner thinks of the table: a
  // LATERAL subquery that locks, or has an OFFSET, is never flattened into a join.
  const updateMany = (set: string) => (query: string) =>
    `WITH given AS (
  ${query}
), locked AS MATERIALIZED (
  SELECT given.*, stored.version FROM given CROSS JOIN LATERAL (
    SELECT version FROM ${table}
    WHERE ${table}.id = given.id AND expires_at > given.now FOR NO KEY UPDATE
  ) AS stored
), updated AS (
  UPDATE ${table} SET
${set}
  FROM locked AS given
  WHERE ${table}.id = given.id AND given.version = given.expected_version
)
SELECT id, version FROM locked`

  const lastSeenAt = `greatest(${table}.last_seen_at, given.last_seen_at)`
  const saved = `    secret_hash = given.secret_hash, previous_secret_hash = given.previous_secret_hash,
    previous_secret_until = given.previous_secret_until, principal = given.principal,
    data = given.data, data_bytes = given.data_bytes, version = ${table}.version + 1,
    last_seen_at = ${lastSeenAt}, idle_timeout = given.idle_timeout,
    absolute_expires_at = given.absolute_expires_at,
    expires_at = least(${lastSeenAt} + given.idle_timeout, given.absolute_expires_at),
    persistent = given.persistent, user_agent = given.user_agent, ip = given.ip`
  const touched = `    last_seen_at = ${lastSeenAt}, idle_timeout = given.idle_timeout,
    expires_at = greatest(expires_at,
      least(${lastSeenAt} + given.idle_timeout, absolute_expires_at))`

  return {
    columns,

    load: {
      one: kept(
        'load',
        `SELECT ${columns.sql} FROM ${table} WHERE id = $1::uuid AND expires_at > $2::bigint`,
      ),
      many: kept(
        'load_many',
        `SELECT found.* FROM unnest(${unseen('$1::uuid[]')}) AS given (id) CROSS JOIN LATERAL (
  SELECT ${columns.sql} FROM ${table}
  WHERE ${table}.id = given.id AND expires_at > $2::bigint OFFSET 0
) AS found`,
      ),
    },

    create: rows('create', CREATE_COLUMNS, insert, insert),
    save: rows('save', SAVE_COLUMNS, updateOne(saved), updateMany(saved)),
    touch: rows('touch', TOUCH_COLUMNS, updateOne(touched), updateMany(touched)),

    delete: kept(
      'delete',
      `WITH locked AS MATERIALIZED (
  SELECT id, version FROM ${table}
  WHERE id = $1::uuid AND principal IS NOT DISTINCT FROM coalesce($3::text, principal)
  FOR UPDATE
), deleted AS (
  DELETE FROM ${table} USING locked
  WHERE ${table}.id = locked.id AND locked.version = coalesce($2::bigint, locked.version)
)
SELECT version FROM locked`,
    ),

    deleteMany: planned(`DELETE FROM ${table} WHERE id = ANY ($1::uuid[])`),

    deleteAll: planned(`WITH locked AS MATERIALIZED (
  SELECT id FROM ${table}
  WHERE principal = $1::text AND id IS DISTINCT FROM $2::uuid ORDER BY id FOR UPDATE
), deleted AS (
  DELETE FROM ${table} USING locked WHERE ${table}.id = locked.id RETURNING 1
)
SELECT count(*) FROM deleted`),

    lockSessions: planned(`SELECT id, version, last_seen_at, expires_at FROM ${table}
WHERE id = $1::uuid OR principal = $2::text AND expires_at > $3::bigint ORDER BY id FOR UPDATE`),

    // One process at a time: the others need not do the same work. Rows that somebody else has
    // locked are not waited for.
    sweep: planned(`WITH deleted AS (
  DELETE FROM ${table} WHERE id = ANY (ARRAY(
    SELECT id FROM ${table}
    WHERE expires_at < $1::bigint AND (SELECT pg_try_advisory_xact_lock(${sweepLock}))
    ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED
  )) RETURNING 1
)
SELECT count(*) FROM deleted`),

    list: planned(`SELECT ${columns.sql} FROM ${table}
WHERE principal = $1::text AND ($2::uuid IS NULL OR id < $2::uuid) AND expires_at > $3::bigint
ORDER BY id DESC LIMIT $4::bigint`),

    scan: planned(`SELECT ${columns.sql} FROM ${table}
WHERE $1::uuid IS NULL OR id > $1::uuid ORDER BY id LIMIT $2::bigint`),
  }
}

/** The same text has the same name, and another text another: stores may share connections. */
function nameOf(verb: string, sql: string): string {
  return `sessile_${verb}_${createHash('sha256').update(sql).digest('hex').slice(0, 12)}`
}
