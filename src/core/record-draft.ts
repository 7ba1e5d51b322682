import type { Admission } from './admission.ts'
import { ROTATION_GRACE } from './admission.ts'
import { SessionDataError, SessionLimitError, StoreUnavailableError } from './errors.ts'
import type { SessionState } from './operations.ts'
import type { ResolvedOptions } from './options.ts'
import { encodePayload, isEmptyPayload } from './payload.ts'
import { checkSchema } from './schema.ts'
import type { SessionRequest } from './session-interface.ts'
import type { SessionRecord } from './session-record.ts'
import { deadline } from './session-record.ts'
import type { SessionToken } from './session-token.ts'
import { createSecret, createSessionId } from './session-token.ts'
import type { StoreGuard } from './store-guard.ts'

/** A session's state in the form in which it is stored, checked. */
export interface Draft {
  readonly data: string | Uint8Array
  readonly persistent: boolean
  readonly principal: string | null
  /** Nothing in it is worth a row: no keys, no messages, no principal. */
  readonly isEmpty: boolean
}

/**
 * What a commit does to the secret: a `'login'` or `'rotate'` replaces it at once, a `'timed'`
 * rotation leaves the previous one good for a while, and `'confirm'` starts the end of that while.
 */
export type Rotation = 'none' | 'login' | 'rotate' | 'timed' | 'confirm'

function changesSecret(rotation: Rotation): boolean {
  return rotation !== 'none' && rotation !== 'confirm'
}

/** The state to store with a new secret: it remembers when, if the clock decides about the next one. */
export function rotatedState(
  state: SessionState,
  rotation: Rotation,
  { rotateAfter, clock }: ResolvedOptions,
): SessionState {
  if (!changesSecret(rotation) || rotateAfter === null) return state
  return { ...state, payload: { ...state.payload, rotatedAt: clock.now() } }
}

/**
 * Serializes a state and checks it against the schema and the size limit.
 *
 * @param previous the stored payload it replaces: one that was too large already may shrink
 * @throws SessionDataError
 */
export function makeDraft(
  state: SessionState,
  options: ResolvedOptions,
  previous?: string | Uint8Array,
): Draft {
  const { schema, maxDataBytes } = options
  if (schema !== undefined) checkSchema(schema, Object.fromEntries(state.payload.data))
  const draft = draftOf(state, options)
  const byteCount = Buffer.byteLength(draft.data)
  if (byteCount > maxDataBytes && byteCount > Buffer.byteLength(previous ?? '')) {
    throw tooLarge(state, byteCount, options)
  }
  return draft
}

/** Serializes a state whose data is not the request's doing: no check may fail it. */
export function draftOf(state: SessionState, { serializer }: ResolvedOptions): Draft {
  const { payload, persistent, principal } = state
  const isEmpty = isEmptyPayload(payload) && principal === null
  return { data: encodePayload(payload, serializer), persistent, principal, isEmpty }
}

function tooLarge(state: SessionState, byteCount: number, options: ResolvedOptions): Error {
  const { serializer, maxDataBytes } = options
  const flashSize = Buffer.byteLength(JSON.stringify(state.payload.flash))
  let [largest, most] = ['', -1]
  for (const [key, value] of state.payload.data) {
    const size = Buffer.byteLength(serializer.stringify({ [key]: value }, false))
    if (size > most) [largest, most] = [key, size]
  }
  return new SessionDataError(
    'ERR_SESSION_DATA_SIZE',
    `The session data would be ${byteCount} bytes; maxDataBytes allows ${maxDataBytes}. ` +
      (flashSize > most
        ? 'Most of it are flash messages.'
        : `Its largest key is ${JSON.stringify(largest)}. Keep large things in tables of your own.`),
    largest,
  )
}

/** Milliseconds that a session with these facts lives without use. */
export function idleTimeoutOf(
  options: ResolvedOptions,
  draft: Pick<Draft, 'principal' | 'persistent'>,
  record: Pick<SessionRecord, 'id' | 'createdAt'> | null,
): number {
  return options.idleTimeout({
    principal: draft.principal,
    permanent: draft.persistent,
    id: record?.id ?? null,
    createdAt: record?.createdAt ?? null,
  })
}

/** Deadlines move at most once per tenth of the idle timeout: moving them costs an index update. */
export function isTouchDue(
  record: SessionRecord,
  now: number,
  nextIdleTimeout = record.idleTimeout,
): boolean {
  return now - record.lastSeenAt >= Math.min(record.idleTimeout, nextIdleTimeout) / 10
}

/** The record that a commit wants to store in place of `record`, and the token it made, if any. */
export function nextRecord(
  record: SessionRecord,
  draft: Draft,
  change: {
    readonly rotation: Rotation
    readonly token: SessionToken
    readonly admission: Admission
    readonly request: SessionRequest
  },
  options: ResolvedOptions,
  now: number,
): { record: SessionRecord; newToken: SessionToken | null } {
  const { rotation } = change
  const newToken = changesSecret(rotation) ? { id: record.id, secret: createSecret() } : null
  const idleTimeout = idleTimeoutOf(options, draft, record)
  const times = {
    // A new secret moves it, too: `admit` takes it for the least that the present can be.
    lastSeenAt: newToken !== null || isTouchDue(record, now, idleTimeout) ? now : record.lastSeenAt,
    idleTimeout,
    absoluteExpiresAt:
      rotation === 'login' ? now + options.absoluteTimeout : record.absoluteExpiresAt,
  }
  const next: SessionRecord = {
    ...record,
    ...secretsAfter(record, change, newToken, options, now),
    ...times,
    ...(rotation === 'login' && deviceOf(change.request)),
    expiresAt: deadline(times),
    principal: draft.principal,
    persistent: draft.persistent,
    data: draft.data,
  }
  return { record: next, newToken }
}

type Secrets = Pick<SessionRecord, 'secretHash' | 'previousSecretHash' | 'previousSecretUntil'>

function secretsAfter(
  record: SessionRecord,
  change: Parameters<typeof nextRecord>[2],
  newToken: SessionToken | null,
  { hasher }: ResolvedOptions,
  now: number,
): Secrets {
  const { secretHash, previousSecretHash, previousSecretUntil } = record
  if (newToken !== null) {
    return {
      secretHash: hasher.hash(newToken.secret),
      // The secret that the browser really has: the other one may never have arrived.
      previousSecretHash: change.admission === 'previous' ? previousSecretHash : secretHash,
      previousSecretUntil: change.rotation === 'timed' ? null : now,
    }
  }
  const confirmed = change.rotation === 'confirm' && previousSecretUntil === null
  return {
    secretHash:
      change.admission === 'current' && hasher.isOutdated(secretHash)
        ? hasher.hash(change.token.secret)
        : secretHash,
    previousSecretHash,
    previousSecretUntil: confirmed ? now + ROTATION_GRACE : previousSecretUntil,
  }
}

/** Stores a draft as a new session, with a new id and secret. @throws SessionLimitError */
export async function createRecord(
  draft: Draft,
  request: SessionRequest,
  options: ResolvedOptions,
  guard: StoreGuard,
  until: number,
): Promise<{ record: SessionRecord; token: SessionToken }> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const now = options.clock.now()
    const token = { id: createSessionId(now), secret: createSecret() }
    const times = {
      lastSeenAt: now,
      idleTimeout: idleTimeoutOf(options, draft, null),
      absoluteExpiresAt: now + options.absoluteTimeout,
    }
    const record: SessionRecord = {
      id: token.id,
      secretHash: options.hasher.hash(token.secret),
      previousSecretHash: null,
      previousSecretUntil: null,
      principal: draft.principal,
      data: draft.data,
      version: 1,
      createdAt: now,
      ...times,
      expiresAt: deadline(times),
      persistent: draft.persistent,
      ...deviceOf(request),
    }
    const limit = draft.principal === null ? undefined : options.limit
    const outcome = await guard.call('create', (store) => store.create(record, limit), until)
    if (outcome === 'created') return { record, token }
    if (outcome === 'limit') throw limitReached()
  }
  throw new StoreUnavailableError('The store says that three fresh session ids are all taken.')
}

export function limitReached(): SessionLimitError {
  return new SessionLimitError(
    'The login was refused: this principal has as many sessions as maxPerPrincipal allows.',
  )
}

/** The peer's facts, shortened and without control characters: they end up in logs and pages. */
function deviceOf(request: SessionRequest): Pick<SessionRecord, 'userAgent' | 'ip'> {
  return { userAgent: cleaned(request.userAgent, 512), ip: cleaned(request.ip, 64) }
}

function cleaned(text: string | undefined, longest: number): string | null {
  if (text === undefined || text === '') return null
  return text.slice(0, longest).replaceAll(/[\p{Cc}\p{Cs}]/gu, '')
}
