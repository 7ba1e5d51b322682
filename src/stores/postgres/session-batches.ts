import type { SessionRecord } from '../../core/session-record.ts'
import type { CreateOutcome, SaveOutcome } from '../../core/store.ts'
import type { BatchKind } from '../sql/batch-flight.ts'
import { manyParameters, oneParameters, type RowsStatement } from './given-rows.ts'
import type { PostgresConnection, PostgresQueries, PostgresRow } from './postgres-connections.ts'
import { type PostgresValue, toArray, toDataColumns } from './postgres-values.ts'
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

export function loadBatch({ columns, load }: SessionStatements): Batch<Load, SessionRecord[]> {
  return {
    idOf: () => null,
    sizeOf: () => 0,
    async send(connection, loads) {
      const ids = [...new Set(loads.flatMap((each) => each.ids))]
      const earliest = Math.min(...loads.map(({ now }) => now))
      const [id = ''] = ids
      const rows =
        ids.length === 1
          ? await connection.query(load.one, [id, String(earliest)])
          : await connection.query(load.many, [toArray(ids), String(earliest)])
      const rowOf = new Map(rows.map((row) => [row[0], row]))
      // Each caller gets records of its own, live as of its own present.
      return loads.map((each) =>
        recordsOf(each, (wanted) => {
          const row = rowOf.get(wanted)
          return row === undefined ? undefined : columns.read(row)
        }),
      )
    },
  }
}

function recordsOf(
  { ids, now }: Load,
  read: (id: string) => SessionRecord | undefined,
): SessionRecord[] {
  const records: SessionRecord[] = []
  for (const id of ids.length === 1 ? ids : new Set(ids)) {
    const record = read(id)
    if (record !== undefined && record.expiresAt > now) records.push(record)
  }
  return records
}

export function createBatch(statements: SessionStatements): Batch<SessionRecord, CreateOutcome> {
  return {
    idOf: ({ id }) => id,
    sizeOf: ({ data }) => data.length,
    send: (connection, records) => createAll(statements, connection, records),
  }
}

export async function createAll(
  { create }: SessionStatements,
  queries: PostgresQueries,
  records: readonly SessionRecord[],
): Promise<CreateOutcome[]> {
  const rows = records.map((record) => [
    ...valuesOf(record),
    record.version,
    record.createdAt,
    record.expiresAt,
  ])
  const created = new Set((await runOn(queries, create, rows)).map(([id]) => id))
  return records.map(({ id }) => (created.has(id) ? 'created' : 'taken'))
}

export function saveBatch(statements: SessionStatements): Batch<Save, SaveOutcome> {
  return {
    idOf: ({ record }) => record.id,
    sizeOf: ({ record }) => record.data.length,
    send: (connection, saves) => saveAll(statements, connection, saves),
  }
}

export async function saveAll(
  { save }: SessionStatements,
  queries: PostgresQueries,
  saves: readonly Save[],
): Promise<SaveOutcome[]> {
  const rows = saves.map(({ record, expectedVersion, now }) => [
    ...valuesOf(record),
    expectedVersion,
    now,
  ])
  const found = await updateOn(queries, save, rows)
  const versions = new Map(found.map(([id, version]) => [id, Number(version)]))
  return saves.map(({ record, expectedVersion }) => {
    const version = versions.get(record.id)
    if (version === undefined) return 'gone'
    return version === expectedVersion ? 'saved' : 'conflict'
  })
}

export function touchBatch({ touch }: SessionStatements): Batch<Touch, boolean> {
  return {
    idOf: ({ id }) => id,
    sizeOf: () => 0,
    async send(connection, touches) {
      const rows = touches.map(({ id, expectedVersion, lastSeenAt, idleTimeout, now }) => [
        ...[id, expectedVersion, now, lastSeenAt, idleTimeout],
      ])
      const found = new Set((await updateOn(connection, touch, rows)).map(([id]) => id))
      return touches.map(({ id }) => found.has(id))
    },
  }
}

/** In the order of the ids, which begin the rows: whoever locks several rows does it in this order. */
function runOn(
  queries: PostgresQueries,
  { columns, one, many }: RowsStatement,
  rows: readonly (readonly PostgresValue[])[],
): Promise<PostgresRow[]> {
  if (rows.length === 1) return queries.query(one, oneParameters(rows[0] ?? []))
  const sorted = rows.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  return queries.query(many, manyParameters(columns, sorted))
}

/** The ids and versions of the live rows among these, after those that are as expected are updated. */
async function updateOn(
  queries: PostgresQueries,
  statement: RowsStatement,
  rows: readonly (readonly PostgresValue[])[],
): Promise<PostgresRow[]> {
  const updated = await runOn(queries, statement, rows)
  if (rows.length > 1 || updated.length > 0) return updated
  // Nothing was done. The statement for many rows tells why, because it locks what it looks at.
  return queries.query(statement.many, manyParameters(statement.columns, rows))
}

/** The values of `RECORD_COLUMNS`. */
function valuesOf(record: SessionRecord): PostgresValue[] {
  return [
    record.id,
    record.secretHash,
    record.previousSecretHash,
    record.previousSecretUntil,
    record.principal,
    ...toDataColumns(record.data),
    record.lastSeenAt,
    record.idleTimeout,
    record.absoluteExpiresAt,
    record.persistent,
    record.userAgent,
    record.ip,
  ]
}
