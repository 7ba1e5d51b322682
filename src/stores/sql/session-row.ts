import type { SessionRecord } from '../../core/session-record.ts'

/** The columns that hold everything but the payload, in the order that {@link toRecord} reads. */
export const FIELD_COLUMNS = [
  'id',
  'secret_hash',
  'previous_secret_hash',
  'previous_secret_until',
  'principal',
  'version',
  'created_at',
  'last_seen_at',
  'idle_timeout',
  'absolute_expires_at',
  'expires_at',
  'persistent',
  'user_agent',
  'ip',
] as const

/**
 * A record from the values of {@link FIELD_COLUMNS} and its payload. Drivers show integers beyond
 * 32 bits as text, number or bigint, and booleans in even more ways.
 */
export function toRecord(row: readonly unknown[], data: string | Uint8Array): SessionRecord {
  return {
    id: row[0] as string,
    secretHash: row[1] as string,
    previousSecretHash: row[2] as string | null,
    previousSecretUntil: row[3] === null ? null : Number(row[3]),
    principal: row[4] as string | null,
    data,
    version: Number(row[5]),
    createdAt: Number(row[6]),
    lastSeenAt: Number(row[7]),
    idleTimeout: Number(row[8]),
    absoluteExpiresAt: Number(row[9]),
    expiresAt: Number(row[10]),
    persistent: isTrue(row[11]),
    userAgent: row[12] as string | null,
    ip: row[13] as string | null,
  }
}

function isTrue(value: unknown): boolean {
  return value === true || value === 't' || Number(value) === 1
}

/** What was given, also if its owner changes it before the statement leaves. */
export function copyOf(record: SessionRecord): SessionRecord {
  const { data } = record
  return { ...record, data: typeof data === 'string' ? data : new Uint8Array(data) }
}
