import { randomUUID } from 'node:crypto'
import type { SessionRecord } from '../../../src/core/session-record.ts'

/** The present of these tests: a store has no clock of its own. */
export const now: number = Date.UTC(2026, 0, 1)

/** A record that is live now. */
export function newRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: randomUUID(),
    secretHash: 'sha256:secret',
    previousSecretHash: null,
    previousSecretUntil: null,
    principal: null,
    data: '{}',
    version: 1,
    createdAt: now,
    lastSeenAt: now,
    idleTimeout: 600_000,
    absoluteExpiresAt: now + 86_400_000,
    expiresAt: now + 600_000,
    persistent: false,
    userAgent: null,
    ip: null,
    ...changes,
  }
}
