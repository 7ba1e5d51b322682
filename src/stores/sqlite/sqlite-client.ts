/** What SQLite keeps in a column. */
export type SqliteValue = string | number | Uint8Array | null

/** A prepared statement of a synchronous SQLite driver. */
export interface SqliteStatement {
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
  run(...parameters: SqliteValue[]): { readonly changes: number | bigint }
}

/**
 * An open connection to SQLite. `DatabaseSync` of `node:sqlite` and the `Database` of
 * `better-sqlite3`, `libsql` and `bun:sqlite` fit; clients that answer with promises do not.
 */
export interface SqliteClient {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
}
