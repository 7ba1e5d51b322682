import { SessionError, StoreUnavailableError } from '../../core/errors.ts'
import { Deadlines } from './deadlines.ts'
import type { SqlConnection, SqlDatabase } from './sql-database.ts'

const LONGEST_PAUSE_MS = 50

/**
 * Runs work on connections of its own, and sees to it that it ends on time: a connection that does
 * not answer is closed, one that does not come is no longer waited for.
 */
export class ConnectionRunner<Connection extends SqlConnection> {
  readonly database: SqlDatabase<Connection>
  readonly deadlines: Deadlines
  readonly #timeoutMs: number
  readonly #active = new Set<Promise<unknown>>()

  constructor(database: SqlDatabase<Connection>, timeoutMs: number) {
    this.database = database
    this.deadlines = new Deadlines(timeoutMs)
    this.#timeoutMs = timeoutMs
  }

  /**
   * Runs work that is one transaction (or one statement), and again as long as the server says that
   * it did nothing and may be asked again.
   */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const pending = this.#runAgainAndAgain(work)
    this.#active.add(pending)
    try {
      return await pending
    } finally {
      this.#active.delete(pending)
    }
  }

  /** Resolves when nothing that was begun with `run` is under way. */
  async drain(): Promise<void> {
    while (this.#active.size > 0) await Promise.allSettled(this.#active)
  }

  /** @returns `undefined` if none came in time. */
  async connect(deadline: number): Promise<Connection | undefined> {
    const pending = this.database.connect()
    const connection = await this.deadlines.inTime(pending, deadline, () => undefined)
    // It may still come, and then nobody needs it.
    if (connection === undefined) pending.then((late) => late.release(false)).catch(() => {})
    return connection
  }

  /** Does work once and releases the connection. */
  async use<T>(connection: Connection, work: () => Promise<T>, deadline: number): Promise<T> {
    let broken = false
    try {
      return await this.deadlines.inTime(work(), deadline, () => {
        throw this.late()
      })
    } catch (error) {
      const verdict = this.database.judge(error)
      // After a misfit too: a new connection may have other settings, and no stale plans.
      broken = verdict === 'unavailable' || verdict === 'misfit'
      throw error
    } finally {
      connection.release(broken)
    }
  }

  /** The error that callers get for one of the database. */
  typed(error: unknown): unknown {
    const { database } = this
    if (error instanceof SessionError) return error
    const verdict = database.judge(error)
    if (verdict === 'refused') return error
    if (verdict === 'misfit') return database.misfit(error)
    return new StoreUnavailableError(`${database.name} failed.`, { cause: error })
  }

  /** For what was sent. */
  late(): StoreUnavailableError {
    return new StoreUnavailableError(
      `${this.database.name} did not answer within ${this.#timeoutMs} ms (timeout).`,
    )
  }

  /** For what was not. */
  busy(): StoreUnavailableError {
    return new StoreUnavailableError(
      `${this.database.name} had no free connection within ${this.#timeoutMs} ms (timeout). ` +
        'Nothing was sent.',
    )
  }

  async #runAgainAndAgain<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const deadline = this.deadlines.next()
    for (let attempt = 1; ; attempt++) {
      try {
        const connection = await this.connect(deadline)
        if (connection === undefined) throw this.busy()
        return await this.use(connection, () => work(connection), deadline)
      } catch (error) {
        const again = this.database.judge(error) === 'again' && performance.now() < deadline
        if (!again) throw this.typed(error)
        await pause(attempt)
      }
    }
  }
}

/** So that those who were in each other's way do not meet again. */
export function pause(attempt: number): Promise<void> {
  const longest = Math.min(2 ** attempt, LONGEST_PAUSE_MS)
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest))
}
