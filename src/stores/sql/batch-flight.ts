import type { BatchEntry } from './batch-entry.ts'
import { type ConnectionRunner, pause } from './connection-runner.ts'
import type { SqlConnection } from './sql-database.ts'

/** How operations of one kind travel together. */
export interface BatchKind<Connection extends SqlConnection, Operation, Outcome> {
  /** Operations with the same id are never under way together; those with `null` may always be. */
  idOf(operation: Operation): string | null
  /** About how many bytes the operation adds to the statement. */
  sizeOf(operation: Operation): number
  /** Sends them as one statement or one transaction. @returns an outcome for each, in order. */
  send(connection: Connection, operations: readonly Operation[]): Promise<readonly Outcome[]>
}

/**
 * Sends a batch, answers its callers and releases the connection.
 *
 * @returns the entries of which the server says that nothing was done, to be sent again
 */
export async function carry<Connection extends SqlConnection, Operation, Outcome>(
  runner: ConnectionRunner<Connection>,
  kind: BatchKind<Connection, Operation, Outcome>,
  connection: Connection,
  batch: readonly BatchEntry<Operation, Outcome>[],
): Promise<readonly BatchEntry<Operation, Outcome>[]> {
  /** Those of which nobody knows, should the connection fail now, whether they were done. */
  let sent = batch
  let undone: readonly BatchEntry<Operation, Outcome>[] = []
  let isOver = false

  async function send(entries: readonly BatchEntry<Operation, Outcome>[]): Promise<void> {
    sent = entries
    for (const entry of entries) entry.isSent = true
    const operations = entries.map(({ operation }) => operation)
    const outcomes = await kind.send(connection, operations)
    for (const [index, entry] of entries.entries()) entry.resolve(outcomes[index] as Outcome)
  }

  /** One value that the database refuses must not fail the others. */
  async function sendEachAlone(): Promise<void> {
    for (const entry of batch) entry.isSent = false
    for (const [index, entry] of batch.entries()) {
      if (entry.isAnswered) continue
      // It took too long, and another batch may have the rest by now.
      if (isOver) return
      undone = batch.slice(index + 1)
      try {
        await send([entry])
      } catch (error) {
        if (runner.database.judge(error) !== 'refused') throw error
        entry.reject(error)
      }
    }
  }

  async function sendAll(): Promise<void> {
    try {
      await send(batch)
    } catch (error) {
      if (batch.length === 1 || runner.database.judge(error) !== 'refused') throw error
      await sendEachAlone()
    }
  }

  try {
    await runner.use(connection, sendAll, runner.deadlines.next())
  } catch (error) {
    if (runner.database.judge(error) === 'again') {
      undone = [...sent, ...undone]
      for (const entry of undone) entry.isSent = false
      await pause(1)
    } else {
      const reason = runner.typed(error)
      for (const entry of sent) entry.reject(reason)
    }
  }
  isOver = true
  return undone.filter(({ isAnswered }) => !isAnswered)
}
