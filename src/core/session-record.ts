/**
 * One session as a store keeps it. All times are integer epoch milliseconds.
 *
 * Everything that a query needs is a field; `data` is opaque to the store.
 */
export interface SessionRecord {
  /** Lower-case UUIDv7: public, safe to log, the same for the whole life of the session. */
  readonly id: string
  /** Hash of the secret, with the name of its algorithm. Never the secret itself. */
  readonly secretHash: string
  /** Hash of the secret that the last rotation replaced. */
  readonly previousSecretHash: string | null
  /**
   * The moment the previous secret stopped (or will stop) admitting requests; `null` while a timed
   * rotation still admits it, and when there is no previous secret.
   */
  readonly previousSecretUntil: number | null
  /**
   * Whom the session belongs to: an opaque string of at most 255 UTF-16 units without control
   * characters. Compared byte by byte: neither case nor trailing blanks are folded.
   */
  readonly principal: string | null
  /**
   * The serialized payload: text or bytes that the store returns exactly as it got them. Text is
   * well-formed Unicode, and may hold NUL.
   */
  readonly data: string | Uint8Array
  /** 1 when created; grows by one with each save. A touch leaves it alone. */
  readonly version: number
  readonly createdAt: number
  readonly lastSeenAt: number
  /** Milliseconds without use after which the session ends. */
  readonly idleTimeout: number
  /** The end of the session no matter how much it is used. */
  readonly absoluteExpiresAt: number
  /**
   * `min(lastSeenAt + idleTimeout, absoluteExpiresAt)`: see {@link deadline}. Later than that only
   * where a touch has stored a shorter idle timeout, since a touch never moves it back.
   */
  readonly expiresAt: number
  /** Whether the cookie outlives the browser. */
  readonly persistent: boolean
  /** At most 512 UTF-16 units. */
  readonly userAgent: string | null
  /** At most 64 UTF-16 units. */
  readonly ip: string | null
}

/** The deadline of a record, from the three times that decide it. */
export function deadline(
  times: Pick<SessionRecord, 'lastSeenAt' | 'idleTimeout' | 'absoluteExpiresAt'>,
): number {
  return Math.min(times.lastSeenAt + times.idleTimeout, times.absoluteExpiresAt)
}
