/** A connection that is ours until it is released. It runs one statement at a time. */
export interface SqlConnection {
  /** @param broken closes it: nobody knows what it is doing, or it leads to the wrong server. */
  release(broken: boolean): void
}

/**
 * What an error means for the statement that met it.
 *
 * - `'again'`: the server did nothing, and says that another try may succeed (it chose this
 *   transaction as the victim of a deadlock).
 * - `'refused'`: the server did nothing because of this statement; others are not affected.
 * - `'misfit'`: the server did nothing because the tables or the settings are not what sessile needs.
 * - `'unavailable'`: the database failed. Unless it was only read, nobody knows what has happened.
 */
export type Verdict = 'again' | 'refused' | 'misfit' | 'unavailable'

/** What the SQL stores need of a database server, whichever it is. */
export interface SqlDatabase<Connection extends SqlConnection> {
  /** How messages call it, such as `PostgreSQL`. */
  readonly name: string
  /** Resolves to a connection that nobody else uses. */
  connect(): Promise<Connection>
  judge(error: unknown): Verdict
  /** The error that callers get for one that is a `'misfit'`: it says what to do. */
  misfit(error: unknown): Error
}
