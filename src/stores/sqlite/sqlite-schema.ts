import { SessionOptionsError, StoreSetupError } from '../../core/errors.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { isOpenTransaction } from './sqlite-errors.ts'

/**
 * The SQL that makes the tables, for those who create them themselves (`migrate: false`).
 *
 * @param options.prefix the `prefix` that the store has
 */
export function sqliteSchema(options: { readonly prefix?: string } = {}): string {
  return migrations(tableNames(options.prefix)).join('\n')
}

export interface SqliteTableNames {
  readonly sessions: string
  /** Tells which migrations the database has seen; `PRAGMA user_version` belongs to the app. */
  readonly versions: string
}

export function tableNames(prefix = ''): SqliteTableNames {
  if (!/^([a-z][a-z0-9_]{0,39})?$/i.test(prefix) || /^sqlite_/i.test(prefix)) {
    throw new SessionOptionsError(
      `prefix: '${prefix}' cannot begin the name of a table. Give up to 40 letters, digits and ` +
        `underscores, the first one a letter, such as 'app_'.`,
    )
  }
  return { sessions: `${prefix}sessions`, versions: `${prefix}sessions_versions` }
}

/** One per version of the schema. A released one never changes: what is new is appended. */
function migrations({ sessions, versions }: SqliteTableNames): string[] {
  return [
    `CREATE TABLE ${sessions} (
  id TEXT NOT NULL PRIMARY KEY,
  secret_hash TEXT NOT NULL,
  previous_secret_hash TEXT,
  previous_secret_until INTEGER,
  principal TEXT,
  data ANY NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  idle_timeout INTEGER NOT NULL,
  absolute_expires_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  persistent INTEGER NOT NULL,
  user_agent TEXT,
  ip TEXT
) STRICT;
CREATE INDEX ${sessions}_expires_at ON ${sessions} (expires_at);
CREATE INDEX ${sessions}_principal ON ${sessions} (principal, id) WHERE principal IS NOT NULL;
CREATE TABLE ${versions} (version INTEGER NOT NULL PRIMARY KEY) STRICT;
INSERT INTO ${versions} (version) VALUES (1);`,
  ]
}

/**
 * The SQL that the database lacks; nothing if its tables are the newest.
 *
 * @throws StoreSetupError if its tables are not ours, or newer than this code.
 */
function missingSchema(connection: SqliteConnection, tables: SqliteTableNames): readonly string[] {
  const steps = migrations(tables)
  const exists = connection.query('SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE')
  if (exists.first(tables.versions) === undefined) {
    if (exists.first(tables.sessions) === undefined) return steps
    throw new StoreSetupError(
      `The SQLite database has a table ${tables.sessions} that sessile did not make; it was left ` +
        `as it is. Give the store a file of its own, or another name by the option prefix: 'app_'.`,
    )
  }
  const version = Number(connection.value(`SELECT max(version) FROM ${tables.versions}`))
  if (version > steps.length) {
    throw new StoreSetupError(
      `The tables of sessile in the SQLite database have version ${version}, made by a newer ` +
        `release; this one knows versions up to ${steps.length}. Upgrade sessile here too.`,
    )
  }
  return steps.slice(version)
}

/**
 * Changes nothing.
 *
 * @throws StoreSetupError if the tables cannot be used, or lack something that may not be added.
 */
export function checkSchema(
  connection: SqliteConnection,
  tables: SqliteTableNames,
  migrate: boolean,
): void {
  const missing = missingSchema(connection, tables)
  if (migrate || missing.length === 0) return
  throw new StoreSetupError(
    `The SQLite database lacks tables of sessile, and migrate is false. Run:\n\n${missing.join('\n')}\n`,
  )
}

/** Brings the tables to the newest version, all or nothing. */
export function migrateSchema(connection: SqliteConnection, tables: SqliteTableNames): void {
  if (missingSchema(connection, tables).length === 0) return
  begin(connection)
  try {
    // Asked again under the lock: another process may have been faster.
    for (const sql of missingSchema(connection, tables)) connection.execute(sql)
    connection.execute('COMMIT')
  } catch (error) {
    rollBack(connection)
    throw error
  }
}

function begin(connection: SqliteConnection): void {
  try {
    connection.execute('BEGIN IMMEDIATE')
  } catch (error) {
    if (!isOpenTransaction(error)) throw error
    throw new StoreSetupError(
      'The tables of sessile cannot be created while the client is inside a transaction. Call ' +
        'sqliteStore() before it begins or after it has ended.',
      { cause: error },
    )
  }
}

function rollBack(connection: SqliteConnection): void {
  try {
    connection.execute('ROLLBACK')
  } catch {
    // SQLite has rolled back by itself.
  }
}
