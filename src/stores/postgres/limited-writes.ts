import type { SessionRecord } from '../../core/session-record.ts'
import type { CreateOutcome, PrincipalLimit, SaveOutcome } from '../../core/store.ts'
import type { PostgresConnection, PostgresQueries, PostgresRow } from './postgres-connections.ts'
import { advisoryLock } from './postgres-schema.ts'
import { toArray } from './postgres-values.ts'
import { createAll, type Save, saveAll } from './session-batches.ts'
import type { SessionStatements } from './session-statements.ts'

/** Creates a record while nobody else adds a session to its principal. */
export function createLimited(
  connection: PostgresConnection,
  statements: SessionStatements,
  record: SessionRecord,
  limit: PrincipalLimit,
): Promise<CreateOutcome> {
  return holdingPrincipal(connection, record, async (queries) => {
    const { own, others } = await lockSessions(queries, statements, record, record.createdAt)
    if (own !== undefined) return 'taken'
    if (!(await makeRoom(queries, statements, others, limit))) return 'limit'
    const [outcome] = await createAll(statements, queries, [record])
    return outcome ?? 'taken'
  })
}

/** Saves a record while nobody else adds a session to its principal. */
export function saveLimited(
  connection: PostgresConnection,
  statements: SessionStatements,
  save: Save,
  limit: PrincipalLimit,
): Promise<SaveOutcome> {
  const { record, expectedVersion, now } = save
  return holdingPrincipal(connection, record, async (queries) => {
    const { own, others } = await lockSessions(queries, statements, record, now)
    if (own === undefined || own.expiresAt <= now) return 'gone'
    if (own.version !== expectedVersion) return 'conflict'
    if (!(await makeRoom(queries, statements, others, limit))) return 'limit'
    const [outcome] = await saveAll(statements, queries, [save])
    return outcome ?? 'gone'
  })
}

function holdingPrincipal<T>(
  connection: PostgresConnection,
  { principal }: SessionRecord,
  work: (queries: PostgresQueries) => Promise<T>,
): Promise<T> {
  return connection.transaction(advisoryLock(`principal:${principal}`), work)
}

interface LockedSession {
  readonly id: string
  readonly version: number
  readonly lastSeenAt: number
  readonly expiresAt: number
}

/** The session itself, if it is there at all, and the other live ones of the principal. */
async function lockSessions(
  queries: PostgresQueries,
  statements: SessionStatements,
  { id, principal }: SessionRecord,
  now: number,
): Promise<{ own: LockedSession | undefined; others: LockedSession[] }> {
  const rows = await queries.query(statements.lockSessions, [id, principal, String(now)])
  const sessions = rows.map(toLockedSession)
  return {
    own: sessions.find((session) => session.id === id),
    others: sessions.filter((session) => session.id !== id),
  }
}

function toLockedSession([id, version, lastSeenAt, expiresAt]: PostgresRow): LockedSession {
  return {
    id: id ?? '',
    version: Number(version),
    lastSeenAt: Number(lastSeenAt),
    expiresAt: Number(expiresAt),
  }
}

/** @returns false if there is none to be made */
async function makeRoom(
  queries: PostgresQueries,
  statements: SessionStatements,
  others: readonly LockedSession[],
  { max, onExceed }: PrincipalLimit,
): Promise<boolean> {
  const excess = others.length - max + 1
  if (excess <= 0) return true
  if (onExceed === 'reject') return false
  const oldest = others.toSorted((a, b) => a.lastSeenAt - b.lastSeenAt).slice(0, excess)
  await queries.query(statements.deleteMany, [toArray(oldest.map(({ id }) => id))])
  return true
}
