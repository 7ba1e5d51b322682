/** What `postgresStore` needs of a `Pool` of `pg`. */
export interface PgPool {
  connect(): Promise<PgPoolClient>
  readonly totalCount: number
  readonly options?: unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  listenerCount(event: 'error'): number
}

/** What a `Pool` of `pg` hands out. */
export interface PgPoolClient {
  query(query: PgQuery): Promise<PgResult | PgResult[]>
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface PgQuery {
  name?: string
  text: string
  values?: (string | null)[]
  rowMode: 'array'
  types: { getTypeParser(): (value: string) => string }
}

export interface PgResult {
  readonly rows: unknown[][]
}

/** What `postgresStore` needs of a database of `@electric-sql/pglite`. */
export interface PgliteDatabase {
  query(
    sql: string,
    parameters?: unknown[],
    options?: PgliteQueryOptions,
  ): Promise<{ readonly rows: unknown[] }>
  exec(sql: string): Promise<unknown>
  transaction<T>(work: (transaction: PgliteTransaction) => Promise<T>): Promise<T>
  readonly waitReady: Promise<void>
}

export type PgliteTransaction = Pick<PgliteDatabase, 'query' | 'exec'>

export interface PgliteQueryOptions {
  rowMode?: 'array'
  parsers?: Record<number, (value: string) => unknown>
}

/** What `postgresStore` needs of `postgres()`, the client also known as postgres.js. */
export interface PostgresJsSql extends PostgresJsTransaction {
  begin<T>(work: (transaction: PostgresJsTransaction) => Promise<T>): Promise<unknown>
  readonly options: unknown
}

export interface PostgresJsTransaction {
  unsafe(
    sql: string,
    parameters?: (string | null)[],
    options?: { prepare?: boolean },
  ): PromiseLike<unknown> & { values(): PromiseLike<unknown> }
}

export type PostgresClient = PgPool | PgliteDatabase | PostgresJsSql
