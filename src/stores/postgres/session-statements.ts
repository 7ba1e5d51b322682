import { createHash } from 'node:crypto'
import type { PostgresStatement } from './postgres-connections.ts'
import { type RecordColumns, unpacked } from './postgres-values.ts'

/** The SQL of all verbs on one table. docs/stores/postgres.md lists what each verb sends. */
export interface SessionStatements {
  readonly columns: RecordColumns
  readonly load: PostgresStatement
  readonly create: PostgresStatement
  readonly save: PostgresStatement
  readonly touch: PostgresStatement
  readonly delete: PostgresStatement
  readonly deleteMany: PostgresStatement
  readonly deleteAll: PostgresStatement
  readonly lockOthers: PostgresStatement
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

// The first fourteen parameters of create and save, and the columns that they become.
const GIVEN_ARRAYS = `
    $1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], ${unpacked('$6::text', '$7::text')},
    $8::bytea[], $9::bigint[], $10::bigint[], $11::bigint[], $12::boolean[], $13::text[], $14::text[]`
const GIVEN_COLUMNS = `
    id, secret_hash, previous_secret_hash, previous_secret_until, principal, data,
    data_bytes, last_seen_at, idle_timeout, absolute_expires_at, persistent, user_agent, ip`

export function sessionStatements(options: StatementOptions): SessionStatements {
  const { table, columns, sweepLock } = options
  const named = (verb: string, sql: string) => ({
    name: options.prepared ? nameOf(verb, sql) : null,
    sql,
  })
  // Planned each time, with the values: what is best depends on them.
  const planned = (sql: string) => ({ name: null, sql })

  // One lookup per row, in the order of the given ids, whatever the planner thinks of the table:
  // a LATERAL subquery that locks is never flattened into a join.
  const locked = `
    SELECT given.*, stored.version FROM given CROSS JOIN LATERAL (
      SELECT version FROM ${table}
      WHERE ${table}.id = given.id AND expires_at > given.now FOR NO KEY UPDATE
    ) AS stored`

  return {
    columns,

    load: named(
      'load',
      `SELECT ${columns.sql} FROM ${table} WHERE id = ANY ($1::uuid[]) AND expires_at > $2::bigint`,
    ),

    create: named(
      'create',
      `INSERT INTO ${table} (${GIVEN_COLUMNS}, version, created_at, expires_at)
  SELECT * FROM unnest(${GIVEN_ARRAYS}, $15::bigint[], $16::bigint[], $17::bigint[])
  ON CONFLICT (id) DO NOTHING RETURNING id`,
    ),

    save: named(
      'save',
      `WITH given AS (
    SELECT * FROM unnest(${GIVEN_ARRAYS}, $15::bigint[], $16::bigint[])
    AS given (${GIVEN_COLUMNS}, expected_version, now)
  ), locked AS MATERIALIZED (${locked}
  ), saved AS (
    UPDATE ${table} SET
      secret_hash = locked.secret_hash, previous_secret_hash = locked.previous_secret_hash,
      previous_secret_until = locked.previous_secret_until, principal = locked.principal,
      data = locked.data, data_bytes = locked.data_bytes, version = ${table}.version + 1,
      last_seen_at = greatest(${table}.last_seen_at, locked.last_seen_at),
      idle_timeout = locked.idle_timeout, absolute_expires_at = locked.absolute_expires_at,
      expires_at = least(greatest(${table}.last_seen_at, locked.last_seen_at) + locked.idle_timeout,
        locked.absolute_expires_at),
      persistent = locked.persistent, user_agent = locked.user_agent, ip = locked.ip
    FROM locked WHERE ${table}.id = locked.id AND locked.version = locked.expected_version
  )
  SELECT id, version FROM locked`,
    ),

    touch: named(
      'touch',
      `WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS given (id, expected_version, last_seen_at, idle_timeout, now)
  ), locked AS MATERIALIZED (${locked}
  ), touched AS (
    UPDATE ${table} SET
      last_seen_at = greatest(${table}.last_seen_at, locked.last_seen_at),
      idle_timeout = locked.idle_timeout,
      expires_at = greatest(${table}.expires_at, least(${table}.absolute_expires_at,
        greatest(${table}.last_seen_at, locked.last_seen_at) + locked.idle_timeout))
    FROM locked WHERE ${table}.id = locked.id AND locked.version = locked.expected_version
  )
  SELECT id FROM locked`,
    ),

    delete: named(
      'delete',
      `WITH locked AS (
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

    deleteAll: planned(`WITH locked AS (
    SELECT id FROM ${table}
    WHERE principal = $1::text AND id IS DISTINCT FROM $2::uuid ORDER BY id FOR UPDATE
  ), deleted AS (
    DELETE FROM ${table} USING locked WHERE ${table}.id = locked.id RETURNING 1
  )
  SELECT count(*) FROM deleted`),

    lockOthers: planned(`SELECT id, version, last_seen_at, expires_at, principal FROM ${table}
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
