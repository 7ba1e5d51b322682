import type { SessionRecord } from './session-record.ts'

/** A value, or a promise of it. Callers `await` it either way. */
export type MaybePromise<T> = T | Promise<T>

/** How many live sessions one principal may have, and what happens to the one that is too many. */
export interface PrincipalLimit {
  /** At least 1. */
  readonly max: number
  /**
   * `'evict-oldest'` ends as many live sessions as are too many, those with the smallest
   * `lastSeenAt`, never the one being written; `'reject'` refuses the write. A write that is refused
   * for another reason (`'taken'`, `'conflict'`, `'gone'`) evicts nothing.
   */
  readonly onExceed: 'evict-oldest' | 'reject'
}

/** `'taken'`: the id exists, nothing was written. `'limit'`: the principal has too many sessions. */
export type CreateOutcome = 'created' | 'taken' | 'limit'

/**
 * `'conflict'`: a live record has another version. `'gone'`: there is no live record.
 * `'limit'`: the principal has too many sessions. Nothing was written in any of them.
 */
export type SaveOutcome = 'saved' | 'conflict' | 'gone' | 'limit'

/** `'conflict'`: the version differs. `'gone'`: no such record, or it has another principal. */
export type DeleteOutcome = 'deleted' | 'conflict' | 'gone'

export interface DeleteConditions {
  /** Delete only this version. */
  readonly expectedVersion?: number
  /** Delete only if the session belongs to this principal. */
  readonly principal?: string
}

export interface ListQuery {
  readonly principal: string
  /** The `next` of the page before. */
  readonly after?: string
  readonly limit: number
}

export interface ScanQuery {
  /** The `next` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

export interface RecordPage {
  readonly records: SessionRecord[]
  /** Where the next page begins; `null` after the last. A page may be short, even empty, before that. */
  readonly next: string | null
}

/**
 * Keeps session records. The whole contract between sessile and a database.
 *
 * - Everything that can happen to a healthy database is an outcome. A verb throws (or rejects with)
 *   `StoreUnavailableError` only when the database failed, is late, or when nobody can know whether
 *   the write happened; such a write is never repeated.
 * - *Live* means `expiresAt > now`, with the `now` that was passed in: a store has no clock of its
 *   own, and its native expiry, if it has one, is clean-up only.
 * - Each verb is atomic against every other, in this process and in others.
 * - There is no upsert: `create` never overwrites, `save` never creates. That is what makes a
 *   logout final.
 * - No verb is optional. `sessile/testing` publishes the suite that a store must pass.
 */
export interface Store {
  /**
   * True when `load` returns its result instead of a promise. Such a store is asked at the first
   * access to the session, so that a request that never uses its session costs no query.
   */
  readonly loadsSynchronously: boolean

  /**
   * Inserts a new record, exactly as given. With `limit`, counts the live records of
   * `record.principal` as of `record.createdAt` under a lock per principal.
   */
  create(record: SessionRecord, limit?: PrincipalLimit): MaybePromise<CreateOutcome>

  /**
   * The live records among `ids`, in any order: unknown and expired ones are simply absent.
   * At most a handful of distinct ids.
   */
  load(ids: readonly string[], now: number): MaybePromise<SessionRecord[]>

  /**
   * Replaces the live record that has `record.id` and `expectedVersion`, and sets its version to
   * `expectedVersion + 1`. `createdAt` stays. `lastSeenAt` becomes the larger of the stored and the
   * given one; `expiresAt` is computed from that, not taken from `record`. With `limit`, counts the
   * other live records of `record.principal` under a lock per principal.
   */
  save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): MaybePromise<SaveOutcome>

  /**
   * Moves `lastSeenAt` and `expiresAt` of a live record forward, never back, and stores
   * `idleTimeout`; a shorter one counts from the next save. Changes neither the version nor anything else, and nothing at all if the live
   * record has another version: the save that made it has moved the deadlines already.
   *
   * @returns `false` only if there is no live record.
   */
  touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): MaybePromise<boolean>

  /**
   * Deletes a record, live or not, if it meets the conditions; another principal's is `'gone'`,
   * whatever its version. An id of any shape is allowed here and in `load`: it may come from a form.
   */
  delete(id: string, conditions?: DeleteConditions): MaybePromise<DeleteOutcome>

  /**
   * Deletes up to `limit` records that expired more than {@link SWEEP_GRACE} before `now`. Clocks
   * of machines differ: one that is ahead must not delete what another still serves.
   *
   * @returns how many were deleted; fewer than `limit` means that none are left.
   */
  sweep(now: number, limit: number): MaybePromise<number>

  /** The live records of a principal, newest first (by id). */
  list(query: ListQuery, now: number): MaybePromise<RecordPage>

  /** All live records, in no order, each at least once if it lives through the whole walk. */
  scan(query: ScanQuery, now: number): MaybePromise<RecordPage>

  /** Deletes all records of a principal, live or not, except one. @returns how many. */
  deleteAll(selection: {
    readonly principal: string
    readonly exceptId?: string
  }): MaybePromise<number>

  /**
   * Finishes what was accepted and releases what the store itself opened; a client that was passed
   * in stays open. May be called twice. Afterwards every verb throws `StoreUnavailableError`.
   */
  close(): MaybePromise<void>
}

/** How long an expired record is kept before `sweep` may delete it, in milliseconds. */
export const SWEEP_GRACE = 5 * 60_000
