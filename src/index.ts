/**
 * Server-side sessions.
 *
 * @module sessile
 * @example
 * import { createSessions } from 'sessile'
 * import { sqliteStore } from 'sessile/sqlite'
 * export const sessions = createSessions<{ visits: number }>({ store: sqliteStore('sessions.db') })
 */
export type { Clock } from './core/clock.ts'
export {
  HeadersSentError,
  SessionAccessError,
  SessionConflictError,
  SessionDataError,
  SessionError,
  type SessionErrorCode,
  SessionGoneError,
  SessionLimitError,
  SessionOptionsError,
  StoreSetupError,
  StoreUnavailableError,
} from './core/errors.ts'
export type { DropReason, RejectReason, SessionEvent } from './core/events.ts'
export type { IdleTimeoutFacts, SessionsOptions } from './core/options.ts'
export { session } from './core/request-context.ts'
export type { StandardSchema } from './core/schema.ts'
export { jsonSerializer, type Serializer } from './core/serializer.ts'
export type * from './core/session.ts'
export type { CookieOptions } from './core/session-cookie.ts'
export type {
  SavedSession,
  SessionInterface,
  SessionRequest,
  SessionResponse,
} from './core/session-interface.ts'
export { createSessions } from './core/session-manager.ts'
export { deadline, type SessionRecord } from './core/session-record.ts'
export type { Pepper } from './core/session-token.ts'
export type { Health, SessionInfo, Sessions } from './core/sessions.ts'
export type {
  CreateOutcome,
  DeleteConditions,
  DeleteOutcome,
  ListQuery,
  MaybePromise,
  PrincipalLimit,
  RecordPage,
  SaveOutcome,
  ScanQuery,
  Store,
} from './core/store.ts'
export { SWEEP_GRACE } from './core/store.ts'
export type { Duration, DurationParts } from './core/timeouts.ts'
