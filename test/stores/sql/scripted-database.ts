import { setImmediate as turn } from 'node:timers/promises'
import { BatchLane } from '../../../src/stores/sql/batch-lane.ts'
import { ConnectionRunner } from '../../../src/stores/sql/connection-runner.ts'
import type { SqlConnection, SqlDatabase, Verdict } from '../../../src/stores/sql/sql-database.ts'

/** An error that the database below judges by its name. */
export class DatabaseError extends Error {
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super(`the database is ${verdict}`)
    this.verdict = verdict
  }
}

export interface Operation {
  readonly id: string | null
  readonly bytes?: number
}

interface Sent {
  readonly ids: readonly (string | null)[]
  answer(): void
  fail(error: Error): void
}

/** A lane on a database whose every answer the test decides. */
export function scriptedLane(timeoutMs = 5000) {
  const batches: Sent[] = []
  const released: boolean[] = []
  let connect: () => Promise<SqlConnection> = async () => connection
  const connection: SqlConnection = { release: (broken) => void released.push(broken) }
  const database: SqlDatabase<SqlConnection> = {
    name: 'The database',
    connect: () => connect(),
    judge: (error) => (error instanceof DatabaseError ? error.verdict : 'unavailable'),
    misfit: () => new Error('a misfit'),
  }
  const runner = new ConnectionRunner(database, timeoutMs)
  const lane = new BatchLane<SqlConnection, Operation, string>(runner, {
    idOf: ({ id }) => id,
    sizeOf: ({ bytes = 0 }) => bytes,
    send: (_connection, operations) =>
      new Promise((resolve, reject) => {
        const ids = operations.map(({ id }) => id)
        batches.push({ ids, answer: () => resolve(ids.map((id) => `did ${id}`)), fail: reject })
      }),
  })
  return {
    lane,
    runner,
    connection,
    /** What was sent, in order. */
    batches,
    /** For each released connection: whether it was closed as broken. */
    released,
    add: (...ids: (string | null)[]) => ids.map((id) => lane.add({ id })),
    onConnect(next: () => Promise<SqlConnection>) {
      connect = next
    },
    ids: () => batches.map((batch) => batch.ids.join(' ')),
  }
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn()
}
