import { SessionOptionsError, StoreUnavailableError } from '../../core/errors.ts'
import type { SqliteClient, SqliteStatement, SqliteValue } from './sqlite-client.ts'
import { isBusy } from './sqlite-errors.ts'

/** How drivers let a caller choose the form of rows and integers. */
interface StatementSettings {
  /** Rows as arrays: `node:sqlite`. */
  setReturnArrays?(enabled: boolean): unknown
  /** Integers as bigints: `node:sqlite`. */
  setReadBigInts?(enabled: boolean): unknown
  /** Rows as arrays: `better-sqlite3` and `libsql`. In Bun this runs the statement. */
  raw?(enabled: boolean): unknown
  /** Only the first column: `better-sqlite3` and `libsql`. */
  pluck?(enabled: boolean): unknown
  /** Integers as bigints: `better-sqlite3`, `libsql` and `bun:sqlite`. */
  safeIntegers?(enabled: boolean): unknown
}

/** The values of the selected columns, in their order. */
export type SqliteRow = readonly unknown[]

export interface SqliteQuery {
  first(...parameters: SqliteValue[]): SqliteRow | undefined
  all(...parameters: SqliteValue[]): SqliteRow[]
}

/** @returns how many rows it changed. */
export type SqliteCommand = (...parameters: SqliteValue[]) => number

/** Longer than most commits of another process, shorter than a request notices. */
export const WRITE_WAIT_MS = 5
// Reads meet a lock only while another process recovers the log or closes as the last one.
const READ_WAIT_MS = 250

/** A client whose differences from other drivers are levelled, and which never waits for long. */
export class SqliteConnection {
  /**
   * Whether text that holds the character NUL can be read back. libsql, and `node:sqlite` in old
   * versions, cut it off there, which makes one principal out of two.
   */
  readonly readsNul: boolean
  readonly #client: SqliteClient & { readonly open?: unknown }
  /** How long the client waits for locks when its user calls it. */
  readonly #usualWaitMs: number

  constructor(client: SqliteClient) {
    this.#client = client
    const [echo] = this.query('SELECT ?').first('a\0b') ?? []
    if (typeof echo !== 'string') {
      throw new SessionOptionsError(
        'sqliteStore: the client does not answer synchronously. Pass a path, or an open database ' +
          'of node:sqlite, better-sqlite3, libsql or bun:sqlite.',
      )
    }
    this.readsNul = echo === 'a\0b'
    this.#usualWaitMs = Number(this.value('PRAGMA busy_timeout'))
  }

  query(sql: string): SqliteQuery {
    const statement = this.#prepare(sql)
    statement.setReturnArrays?.(true)
    if (statement.pluck !== undefined) statement.raw?.(true)
    return {
      first(...parameters) {
        const row = statement.get(...parameters)
        // Bun answers null where the others answer undefined.
        return row === undefined || row === null ? undefined : toRow(row)
      },
      all: (...parameters) => statement.all(...parameters).map(toRow),
    }
  }

  command(sql: string): SqliteCommand {
    const statement = this.#prepare(sql)
    return (...parameters) => Number(statement.run(...parameters).changes)
  }

  execute(sql: string): void {
    this.assertOpen()
    this.#client.exec(sql)
  }

  /** The first column of the first row. */
  value(sql: string): unknown {
    return this.query(sql).first()?.[0]
  }

  /**
   * libsql keeps running the prepared statements of a closed database.
   *
   * @throws TypeError if the user of the client has closed it.
   */
  assertOpen(): void {
    if (this.#client.open === false) throw new TypeError('The database connection is not open')
  }

  /** Runs a query; a lock is waited for, but not for long. */
  read<T>(query: () => T): T {
    try {
      this.assertOpen()
      return query()
    } catch (error) {
      if (!isBusy(error)) throw unreadable(error)
    }
    try {
      return this.#waitingAtMost(READ_WAIT_MS, query)
    } catch (error) {
      throw unreadable(error)
    }
  }

  /** Runs something that writes; a lock is waited for, but hardly. */
  write<T>(run: () => T): T {
    return this.#waitingAtMost(WRITE_WAIT_MS, run)
  }

  #waitingAtMost<T>(waitMs: number, run: () => T): T {
    if (waitMs === this.#usualWaitMs) return run()
    this.execute(`PRAGMA busy_timeout = ${waitMs}`)
    try {
      return run()
    } finally {
      this.execute(`PRAGMA busy_timeout = ${this.#usualWaitMs}`)
    }
  }

  #prepare(sql: string): SqliteStatement & StatementSettings {
    this.assertOpen()
    const statement: SqliteStatement & StatementSettings = this.#client.prepare(sql)
    statement.setReadBigInts?.(false)
    statement.safeIntegers?.(false)
    return statement
  }
}

function toRow(row: unknown): SqliteRow {
  return Array.isArray(row) ? row : Object.values(row as object)
}

function unreadable(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('The SQLite database could not be read.', { cause })
}
