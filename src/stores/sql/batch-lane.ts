import { BatchEntry, type BatchKind, carry } from './batch-flight.ts'
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
  #waiting: BatchEntry<Operation, Outcome>[] = []
  readonly #flights = new Set<readonly BatchEntry<Operation, Outcome>[]>()
  readonly #idsInFlight = new Set<string>()
  #inFlight = 0
  #scheduled = false
  #connecting = false
  #expiry: NodeJS.Timeout | undefined
  #onIdle: (() => void)[] = []

  constructor(
    runner: ConnectionRunner<Connection>,
    kind: BatchKind<Connection, Operation, Outcome>,
  ) {
    this.#runner = runner
    this.#kind = kind
  }

  add(operation: Operation): Promise<Outcome> {
    const entry = new BatchEntry<Operation, Outcome>(operation, this.#kind.idOf(operation))
    this.#waiting.push(entry)
    this.#expiry ??= setTimeout(() => this.#expire(), this.#runner.timeoutMs)
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
    if (this.#scheduled || this.#connecting || this.#inFlight >= MOST_IN_FLIGHT) return
    if (!this.#waiting.some((entry) => this.#mayGo(entry))) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#fly()
    })
  }

  #mayGo({ id }: BatchEntry<Operation, Outcome>): boolean {
    return id === null || !this.#idsInFlight.has(id)
  }

  async #fly(): Promise<void> {
    this.#inFlight++
    this.#connecting = true
    // What goes is decided when there is a connection: until then anything may join or give up.
    const connection = await this.#connect()
    this.#connecting = false
    if (connection !== undefined) {
      const batch = this.#take()
      this.#schedule()
      if (batch.length === 0) connection.release(false)
      else await this.#carry(connection, batch)
    }
    this.#inFlight--
    this.#schedule()
    this.#settleIdle()
  }

  async #connect(): Promise<Connection | undefined> {
    try {
      return await this.#runner.connect(performance.now() + this.#runner.timeoutMs)
    } catch (error) {
      const reason = this.#runner.typed(error)
      for (const entry of this.#waiting.splice(0)) entry.reject(reason)
      return undefined
    }
  }

  #take(): BatchEntry<Operation, Outcome>[] {
    const batch: BatchEntry<Operation, Outcome>[] = []
    const rest: BatchEntry<Operation, Outcome>[] = []
    let bytes = 0
    for (const entry of this.#waiting) {
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
    this.#flights.add(batch)
    const undone = await carry(this.#runner, this.#kind, connection, batch)
    this.#flights.delete(batch)
    for (const { id } of batch) if (id !== null) this.#idsInFlight.delete(id)
    this.#waiting.unshift(...undone)
  }

  /** Rejects what has waited too long, sent or not. */
  #expire(): void {
    const oldest = performance.now() - this.#runner.timeoutMs
    const isOverdue = (entry: BatchEntry<Operation, Outcome>) => entry.acceptedAt <= oldest
    for (const entry of this.#waiting) if (isOverdue(entry)) entry.reject(this.#runner.busy())
    this.#waiting = this.#waiting.filter((entry) => !isOverdue(entry))
    const sent = [...this.#flights].flat()
    for (const entry of sent) if (isOverdue(entry)) entry.reject(this.#runner.late())

    const open = [...this.#waiting, ...sent.filter((entry) => !isOverdue(entry))]
    const next = Math.min(...open.map(({ acceptedAt }) => acceptedAt)) - oldest
    this.#expiry = open.length === 0 ? undefined : setTimeout(() => this.#expire(), next)
  }

  #settleIdle(): void {
    if (this.#inFlight > 0 || this.#waiting.length > 0) return
    // A timer keeps the process alive.
    clearTimeout(this.#expiry)
    this.#expiry = undefined
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }
}
