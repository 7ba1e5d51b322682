// Not the globals: an app's tests may replace those with timers that stand still.
import { setImmediate, setTimeout } from 'node:timers'
import { StoreUnavailableError } from '../../core/errors.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { isBusy, isFull, isOwnFault } from './sqlite-errors.ts'

interface Write {
  readonly execute: () => unknown
  readonly resolve: (outcome: never) => void
  readonly reject: (error: unknown) => void
  readonly acceptedAt: number
}

type Step = 'begin' | 'execute' | 'commit'

type Attempt =
  | { readonly outcomes: readonly unknown[] }
  | { readonly failedAt: Step; readonly error: unknown }

interface Locked {
  readonly writes: readonly Write[]
  readonly error: unknown
}

// At some 20 µs each: as long as the event loop should be held at once.
const MOST_PER_TRANSACTION = 256
const LONGEST_PAUSE_MS = 50

/**
 * Commits the writes of one turn of the event loop as one transaction, and answers each of them
 * after the commit. Why so: docs/decisions/sqlite-writes.md.
 */
export class WriteQueue {
  readonly #connection: SqliteConnection
  readonly #busyTimeoutMs: number
  #waiting: Write[] = []
  #scheduled = false
  #busyCount = 0

  constructor(connection: SqliteConnection, busyTimeoutMs: number) {
    this.#connection = connection
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /**
   * @param execute runs inside a transaction; again if that one was rolled back, never if it may
   * have been committed.
   */
  add<T>(execute: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ execute, resolve, reject, acceptedAt: performance.now() })
      this.#schedule()
    })
  }

  /** Resolves when every write that was accepted before has been answered. */
  async drain(): Promise<void> {
    if (this.#waiting.length > 0) await this.add(() => undefined).catch(() => undefined)
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    if (this.#busyCount === 0) setImmediate(() => this.#flush())
    // Keeps the process alive, because somebody waits for the answer.
    else setTimeout(() => this.#flush(), pauseMs(this.#busyCount))
  }

  #flush(): void {
    this.#scheduled = false
    const locked = this.#settle(this.#waiting.splice(0, MOST_PER_TRANSACTION))
    if (locked === undefined) {
      this.#busyCount = 0
    } else {
      this.#busyCount++
      this.#waiting.unshift(...locked.writes)
      this.#rejectOverdue(locked.error)
    }
    this.#schedule()
  }

  /** @returns the writes that have to wait for a lock, if any; the others are answered. */
  #settle(writes: readonly Write[]): Locked | undefined {
    const attempt = this.#attempt(writes)
    if ('outcomes' in attempt) {
      for (const [index, { resolve }] of writes.entries()) {
        resolve(attempt.outcomes[index] as never)
      }
      return undefined
    }
    const { failedAt, error } = attempt
    if (isBusy(error)) return { writes, error }
    const isOwn = failedAt === 'execute' && isOwnFault(error)
    if (writes.length > 1 && (isOwn || (failedAt === 'execute' && isFull(error)))) {
      return this.#settleEachAlone(writes)
    }
    const reason = isOwn ? error : unwritten(error)
    for (const { reject } of writes) reject(reason)
    return undefined
  }

  #settleEachAlone(writes: readonly Write[]): Locked | undefined {
    for (const [index, write] of writes.entries()) {
      const locked = this.#settle([write])
      if (locked !== undefined) return { ...locked, writes: writes.slice(index) }
    }
    return undefined
  }

  #attempt(writes: readonly Write[]): Attempt {
    try {
      return this.#connection.write(() => this.#transact(writes))
    } catch (error) {
      return { failedAt: 'begin', error }
    }
  }

  #transact(writes: readonly Write[]): Attempt {
    let step: Step = 'begin'
    try {
      this.#connection.execute('BEGIN IMMEDIATE')
      step = 'execute'
      const outcomes = writes.map(({ execute }) => execute())
      step = 'commit'
      this.#connection.execute('COMMIT')
      return { outcomes }
    } catch (error) {
      if (step !== 'begin') this.#rollBack()
      return { failedAt: step, error }
    }
  }

  #rollBack(): void {
    try {
      this.#connection.execute('ROLLBACK')
    } catch {
      // SQLite has done so by itself, as it does when the disk is full.
    }
  }

  #rejectOverdue(cause: unknown): void {
    const oldest = performance.now() - this.#busyTimeoutMs
    const overdue = this.#waiting.filter(({ acceptedAt }) => acceptedAt < oldest)
    if (overdue.length === 0) return
    this.#waiting = this.#waiting.slice(overdue.length)
    const error = new StoreUnavailableError(
      `The SQLite database was locked for more than ${this.#busyTimeoutMs} ms (busyTimeout). ` +
        'Nothing was written.',
      { cause },
    )
    for (const { reject } of overdue) reject(error)
  }
}

function pauseMs(busyCount: number): number {
  return 1 + Math.random() * Math.min(2 ** busyCount, LONGEST_PAUSE_MS - 1)
}

function unwritten(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('The SQLite database could not be written.', { cause })
}
