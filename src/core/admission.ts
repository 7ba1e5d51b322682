import type { SessionRecord } from './session-record.ts'
import type { SecretHasher, SessionToken } from './session-token.ts'

/** For how long after it was replaced a token is taken for a straggler, not for a stolen copy. */
export const SUPERSEDED_FOR = 60_000

/** For how long after the new secret was first presented a timed rotation admits the previous one. */
export const ROTATION_GRACE = 30_000

/**
 * What a token's secret is to a record: the `'current'` and, during a timed rotation, the
 * `'previous'` one admit. A `'superseded'` one was replaced a moment ago, a `'replayed'` one long ago.
 */
export type Admission =
  | 'current'
  | 'previous'
  | 'superseded'
  | 'replayed'
  | 'wrong-secret'
  | 'unusable-hash'

/** Decides by the two hashes of a record alone; the payload is not looked at. */
export function admit(
  record: SessionRecord,
  token: SessionToken,
  hasher: SecretHasher,
  now: number,
): Admission {
  const current = hasher.compare(token.secret, record.secretHash)
  if (current === 'match') return 'current'
  if (
    record.previousSecretHash !== null &&
    hasher.compare(token.secret, record.previousSecretHash) === 'match'
  ) {
    const until = record.previousSecretUntil
    // A clock that is behind the one that wrote the record must not admit what a login has replaced.
    const present = Math.max(now, record.lastSeenAt)
    if (until === null || present < until) return 'previous'
    return present < until + SUPERSEDED_FOR ? 'superseded' : 'replayed'
  }
  return current === 'unusable' ? 'unusable-hash' : 'wrong-secret'
}

/** A live record, and the token that opened it. */
export interface FoundSession {
  readonly record: SessionRecord
  readonly token: SessionToken
  readonly admission: 'current' | 'previous'
}

/** A token that opened nothing, and why. */
export interface Refusal {
  readonly id: string
  readonly why: Exclude<Admission, 'current' | 'previous'> | 'unknown-id'
  /**
   * The secret was replaced a moment ago, or may have been: only the last replaced one is known, and
   * a login is often followed by another rotation.
   */
  readonly isStraggler: boolean
}

/** What the tokens of one request amount to. */
export interface Findings {
  /** Admitted, in the order of the Cookie header; each id once. */
  readonly admitted: readonly FoundSession[]
  readonly refused: readonly Refusal[]
}

export function findSessions(
  tokens: readonly SessionToken[],
  records: readonly SessionRecord[],
  hasher: SecretHasher,
  now: number,
): Findings {
  const admitted: FoundSession[] = []
  const refused: Refusal[] = []
  for (const token of tokens) {
    const record = records.find(({ id }) => id === token.id)
    if (record === undefined) {
      refused.push({ id: token.id, why: 'unknown-id', isStraggler: false })
      continue
    }
    const admission = admit(record, token, hasher, now)
    if (admission !== 'current' && admission !== 'previous') {
      const isStraggler =
        admission === 'superseded' || (admission === 'wrong-secret' && wasJustRotated(record, now))
      refused.push({ id: token.id, why: admission, isStraggler })
    } else if (!admitted.some((found) => found.record.id === token.id)) {
      admitted.push({ record, token, admission })
    }
  }
  return { admitted, refused }
}

function wasJustRotated({ previousSecretUntil }: SessionRecord, now: number): boolean {
  return previousSecretUntil !== null && now < previousSecretUntil + SUPERSEDED_FOR
}
