import { createHash } from 'node:crypto'
import { SessionOptionsError, StoreSetupError } from '../../core/errors.ts'
import type { PostgresConnection, PostgresQueries } from './postgres-connections.ts'
import { toArray } from './postgres-values.ts'

/**
 * The SQL that makes the tables, for those who create them themselves (`migrate: false`).
 *
 * @param options.prefix the `prefix` that the store has
 */
export function postgresSchema(options: { readonly prefix?: string } = {}): string {
  return migrations(tableNames(options.prefix)).join('\n')
}

export interface PostgresTableNames {
  readonly sessions: string
  /** Tells which migrations the database has seen. */
  readonly versions: string
}

export function tableNames(prefix = ''): PostgresTableNames {
  if (!/^([a-z][a-z0-9_]{0,39})?$/.test(prefix) || prefix.startsWith('pg_')) {
    throw new SessionOptionsError(
      `prefix: '${prefix}' cannot begin the name of a table. Give up to 40 lower-case letters, ` +
        `digits and underscores, the first one a letter, such as 'app_'.`,
    )
  }
  return { sessions: `${prefix}sessions`, versions: `${prefix}sessions_versions` }
}

/** One per version of the schema. A released one never changes: what is new is appended. */
function migrations({ sessions, versions }: PostgresTableNames): string[] {
  return [
    `CREATE TABLE ${sessions} (
  id uuid NOT NULL PRIMARY KEY,
  secret_hash text NOT NULL,
  previous_secret_hash text,
  previous_secret_until bigint,
  principal text COLLATE "C",
  data text NOT NULL,
  data_bytes bytea,
  version bigint NOT NULL,
  created_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  idle_timeout bigint NOT NULL,
  absolute_expires_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  persistent boolean NOT NULL,
  user_agent text,
  ip text
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX ${sessions}_expires_at ON ${sessions} (expires_at);
CREATE INDEX ${sessions}_principal ON ${sessions} (principal, id) WHERE principal IS NOT NULL;
CREATE TABLE ${versions} (version integer NOT NULL PRIMARY KEY);
INSERT INTO ${versions} (version) VALUES (1);`,
  ]
}

/**
 * Sees to it that the tables are there and the newest.
 *
 * @throws StoreSetupError if they are not ours, or newer than this code, or may not be made
 */
export async function prepareSchema(
  connection: PostgresConnection,
  tables: PostgresTableNames,
  migrate: boolean,
): Promise<void> {
  const missing = await missingSchema(connection, tables)
  if (missing.length === 0) return
  if (!migrate) {
    throw new StoreSetupError(
      `The PostgreSQL database lacks tables of sessile, and migrate is false. Run:\n\n${missing.join('\n')}\n`,
    )
  }
  await connection.transaction(advisoryLock(tables.versions), async (queries) => {
    // Asked again under the lock: another process may have been faster.
    for (const sql of await missingSchema(queries, tables)) await queries.execute(sql)
  })
}

/** The SQL that the database lacks; nothing if its tables are the newest. */
async function missingSchema(
  queries: PostgresQueries,
  tables: PostgresTableNames,
): Promise<readonly string[]> {
  const steps = migrations(tables)
  // Not to_regclass: inside a transaction that has waited, it does not see what was made meanwhile.
  const exists =
    'SELECT relname FROM pg_class WHERE relname = ANY ($1::text[]) AND pg_table_is_visible(oid)'
  const names = toArray([tables.sessions, tables.versions])
  const found = await queries.query({ name: null, sql: exists }, [names])
  const [hasSessions, hasVersions] = [tables.sessions, tables.versions].map((name) =>
    found.some(([relname]) => relname === name),
  )
  if (!hasVersions) {
    if (!hasSessions) return steps
    throw new StoreSetupError(
      `The PostgreSQL database has a table ${tables.sessions} that sessile did not make; it was ` +
        `left as it is. Choose other names with the option prefix: 'app_'.`,
    )
  }
  const [newest] = await queries.query(
    { name: null, sql: `SELECT max(version) FROM ${tables.versions}` },
    [],
  )
  const version = Number(newest?.[0])
  if (version > steps.length) {
    throw new StoreSetupError(
      `The tables of sessile in the PostgreSQL database have version ${version}, made by a newer ` +
        `release; this one knows versions up to ${steps.length}. Upgrade sessile here too.`,
    )
  }
  return steps.slice(version)
}

/**
 * Begins a transaction that has to wait for others that hold the same lock. Read committed, whatever
 * the database's default: a snapshot that is older than the lock would not show what they did.
 */
export function advisoryLock(name: string): string {
  return `SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(${lockKey(name)})`
}

/** A key for advisory locks, which are shared by everything in the database. */
export function lockKey(name: string): bigint {
  return createHash('sha256').update(`sessile:${name}`).digest().readBigInt64BE()
}
