import type { SessionRecord } from '../../core/session-record.ts'
import type { CreateOutcome, SaveOutcome } from '../../core/store.ts'
import type { BatchKind } from '../sql/batch-flight.ts'
import type { PostgresConnection, PostgresQueries } from './postgres-connections.ts'
import { toArray, toDataColumns, toPacked } from './postgres-values.ts'
import type { SessionStatements } from './session-statements.ts'

export interface Load {
  readonly ids: readonly string[]
  readonly now: number
}

export interface Save {
  readonly record: SessionRecord
  readonly expectedVersion: number
  readonly now: number
}

export interface Touch {
  readonly id: string
  readonly expectedVersion: number
  readonly lastSeenAt: number
  readonly idleTimeout: number
  readonly now: number
}

type Batch<Operation, Outcome> = BatchKind<PostgresConnection, Operation, Outcome>

export function loadBatch(statements: SessionStatements): Batch<Load, SessionRecord[]> {
  return {
    idOf: () => null,
    sizeOf: () => 0,
    async send(connection, loads) {
      const ids = new Set(loads.flatMap((load) => load.ids))
      const earliest = Math.min(...loads.map(({ now }) => now))
      const parameters = [toArray([...ids]), String(earliest)]
      const rows = await connection.query(statements.load, parameters)
      const rowOf = new Map(rows.map((row) => [row[0], row]))
      // Each caller gets records of its own, live as of its own present.
      return loads.map((load) =>
        [...new Set(load.ids)]
          .flatMap((id) => {
            const row = rowOf.get(id)
            return row === undefined ? [] : [statements.columns.read(row)]
          })
          .filter(({ expiresAt }) => expiresAt > load.now),
      )
    },
  }
}

export function createBatch(statements: SessionStatements): Batch<SessionRecord, CreateOutcome> {
  return {
    idOf: ({ id }) => id,
    sizeOf: ({ data }) => data.length,
    send: (connection, records) => createAll(statements, connection, records),
  }
}

export async function createAll(
  statements: SessionStatements,
  queries: PostgresQueries,
  records: readonly SessionRecord[],
): Promise<CreateOutcome[]> {
  const sorted = records.toSorted(byId)
  const created = await queries.query(statements.create, [
    ...shared(sorted),
    toArray(sorted.map(({ version }) => version)),
    toArray(sorted.map(({ createdAt }) => createdAt)),
    toArray(sorted.map(({ expiresAt }) => expiresAt)),
  ])
  const ids = new Set(created.map(([id]) => id))
  return records.map(({ id }) => (ids.has(id) ? 'created' : 'taken'))
}

export function saveBatch(statements: SessionStatements): Batch<Save, SaveOutcome> {
  return {
    idOf: ({ record }) => record.id,
    sizeOf: ({ record }) => record.data.length,
    send: (connection, saves) => saveAll(statements, connection, saves),
  }
}

export async function saveAll(
  statements: SessionStatements,
  queries: PostgresQueries,
  saves: readonly Save[],
): Promise<SaveOutcome[]> {
  const sorted = saves.toSorted((a, b) => byId(a.record, b.record))
  const found = await queries.query(statements.save, [
    ...shared(sorted.map(({ record }) => record)),
    toArray(sorted.map(({ expectedVersion }) => expectedVersion)),
    toArray(sorted.map(({ now }) => now)),
  ])
  const versions = new Map(found.map(([id, version]) => [id, Number(version)]))
  return saves.map(({ record, expectedVersion }) => {
    const version = versions.get(record.id)
    if (version === undefined) return 'gone'
    return version === expectedVersion ? 'saved' : 'conflict'
  })
}

export function touchBatch(statements: SessionStatements): Batch<Touch, boolean> {
  return {
    idOf: ({ id }) => id,
    sizeOf: () => 0,
    async send(connection, touches) {
      const sorted = touches.toSorted(byId)
      const found = await connection.query(statements.touch, [
        toArray(sorted.map(({ id }) => id)),
        toArray(sorted.map(({ expectedVersion }) => expectedVersion)),
        toArray(sorted.map(({ lastSeenAt }) => lastSeenAt)),
        toArray(sorted.map(({ idleTimeout }) => idleTimeout)),
        toArray(sorted.map(({ now }) => now)),
      ])
      const ids = new Set(found.map(([id]) => id))
      return touches.map(({ id }) => ids.has(id))
    },
  }
}

/** The parameters that create and save begin with: see `GIVEN` in session-statements. */
function shared(records: readonly SessionRecord[]): (string | null)[] {
  const data = records.map((record) => toDataColumns(record.data))
  const { packed, delimiter } = toPacked(data.map(([text]) => text))
  return [
    toArray(records.map(({ id }) => id)),
    toArray(records.map(({ secretHash }) => secretHash)),
    toArray(records.map(({ previousSecretHash }) => previousSecretHash)),
    toArray(records.map(({ previousSecretUntil }) => previousSecretUntil)),
    toArray(records.map(({ principal }) => principal)),
    packed,
    delimiter,
    toArray(data.map(([, bytes]) => bytes)),
    toArray(records.map(({ lastSeenAt }) => lastSeenAt)),
    toArray(records.map(({ idleTimeout }) => idleTimeout)),
    toArray(records.map(({ absoluteExpiresAt }) => absoluteExpiresAt)),
    toArray(records.map(({ persistent }) => persistent)),
    toArray(records.map(({ userAgent }) => userAgent)),
    toArray(records.map(({ ip }) => ip)),
  ]
}

/** Whoever locks several rows locks them in this order, so that nobody waits in a circle. */
function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
