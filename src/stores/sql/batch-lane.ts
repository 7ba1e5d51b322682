import { BatchEntry } from './batch-entry.ts'
import { type BatchKind, carry } from './batch-flight.ts'
import type { ConnectionRunner } from './connection-runner.ts'
import type { SqlConnection } from './sql-database.ts'

// Two: the client prepares a batch while the server works on the other.
const MOST_IN_FLIGHT = 2
const MOST_OPERATIONS = 256
const MOST_BYTES = 1_000_000

/**
 * Sends the operations of one kind that arrive in one turn of the event loop together. Two batches
 * may be under way; what arrives meanwhile waits, and goes with the next. Why so, and what happens
 * when a batch fails: docs/decisions/sql-batches.md.
 */
export class BatchLane<Connection extends SqlConnection, Operation, Outcome> {
  readonly #runner: ConnectionRunner<Connection>
  readonly #kind: BatchKind<Connection, Operation, Outcome>
  readonly #errorWhenLate: (isSent: boolean) => Error
  #waiting: BatchEntry<Operation, Outcome>[] = []
  readonly #idsInFlight = new Set<string>()
  #inFlight = 0
  #isScheduled = false
  #isConnecting = false
  #onIdle: (() => void)[] = []

  constructor(
    runner: ConnectionRunner<Connection>,
    kind: BatchKind<Connection, Operation, Outcome>,
  ) {
    this.#runner = runner
    this.#kind = kind
    this.#errorWhenLate = (isSent) => (isSent ? runner.late() : runner.busy())
  }

  add(operation: Operation): Promise<Outcome> {
    const { deadlines } = this.#runner
    const id = this.#kind.idOf(operation)
    const entry = new BatchEntry<Operation, Outcome>(
      operation,
      id,
      deadlines.next(),
      this.#errorWhenLate,
    )
    deadlines.watch(entry)
    this.#waiting.push(entry)
    this.#schedule()
    return entry.promise
  }

  /** Resolves when everything that was added before has been answered. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle.push(resolve)
      this.#settleIdle()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isConnecting || this.#inFlight >= MOST_IN_FLIGHT) return
    if (!this.#waiting.some((entry) => this.#mayGo(entry))) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      void this.#fly()
    })
  }

  #mayGo({ id }: BatchEntry<Operation, Outcome>): boolean {
    return id === null || !this.#idsInFlight.has(id)
  }

  async #fly(): Promise<void> {
    this.#inFlight++
    this.#isConnecting = true
    // What goes is decided when there is a connection: until then anything may join or give up.
    const connection = await this.#connect()
    this.#isConnecting = false
    const batch = connection === undefined ? [] : this.#take()
    this.#waiting = this.#waiting.filter(({ isAnswered }) => !isAnswered)
    this.#schedule()
    if (batch.length > 0 && connection !== undefined) await this.#carry(connection, batch)
    else connection?.release(false)
    this.#inFlight--
    this.#schedule()
    this.#settleIdle()
  }

  async #connect(): Promise<Connection | undefined> {
    const { deadlines } = this.#runner
    try {
      return await this.#runner.connect(deadlines.next())
    } catch (error) {
      const reason = this.#runner.typed(error)
      for (const entry of this.#waiting) {
        deadlines.forget(entry)
        entry.reject(reason)
      }
      return undefined
    }
  }

  #take(): BatchEntry<Operation, Outcome>[] {
    const batch: BatchEntry<Operation, Outcome>[] = []
    const rest: BatchEntry<Operation, Outcome>[] = []
    let bytes = 0
    for (const entry of this.#waiting) {
      if (entry.isAnswered) continue
      const fits = batch.length < MOST_OPERATIONS && bytes < MOST_BYTES
      if (!fits || !this.#mayGo(entry)) {
        rest.push(entry)
        continue
      }
      batch.push(entry)
      bytes += this.#kind.sizeOf(entry.operation)
      if (entry.id !== null) this.#idsInFlight.add(entry.id)
    }
    this.#waiting = rest
    return batch
  }

  async #carry(
    connection: Connection,
    batch: readonly BatchEntry<Operation, Outcome>[],
  ): Promise<void> {
    const undone = await carry(this.#runner, this.#kind, connection, batch)
    this.#waiting.unshift(...undone)
    for (const entry of batch) {
      if (entry.id !== null) this.#idsInFlight.delete(entry.id)
      if (entry.isAnswered) this.#runner.deadlines.forget(entry)
    }
  }

  #settleIdle(): void {
    if (this.#inFlight > 0 || this.#waiting.length > 0) return
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}
