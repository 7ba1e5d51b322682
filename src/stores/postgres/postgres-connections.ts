import type { SqlConnection } from '../sql/sql-database.ts'

/** One statement; with a name if the server is to keep its plan. */
export interface PostgresStatement {
  readonly name: string | null
  readonly sql: string
}

/** The values of one row, as the text that PostgreSQL sends. */
export type PostgresRow = readonly (string | null)[]

export interface PostgresQueries {
  query(statement: PostgresStatement, parameters: (string | null)[]): Promise<PostgresRow[]>
  /** Runs statements that have no parameters. */
  execute(sql: string): Promise<void>
}

/** A connection of any of the clients, with their differences levelled. */
export interface PostgresConnection extends SqlConnection, PostgresQueries {
  /**
   * @param opening statements to begin the transaction with
   */
  transaction<T>(opening: string, work: (queries: PostgresQueries) => Promise<T>): Promise<T>
}

export interface PostgresConnections {
  connect(): Promise<PostgresConnection>
  /** Whether text loses a byte order mark at its beginning on the way to us. */
  readonly losesByteOrderMarks: boolean
}
