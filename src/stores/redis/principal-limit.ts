import { StoreUnavailableError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'
import type { PrincipalLimit } from '../../core/store.ts'
import type { FullIndex, PrincipalIndex, Reservation, ReserveRequest } from './principal-index.ts'
import { belongsTo } from './principal-index.ts'

/** What a write has to know and to do in order to stay within a limit. */
export interface Admission<R> extends ReserveRequest {
  readonly now: number
  /** Why the write would be refused anyway, or `null`. */
  readonly refusal: () => Promise<R | null>
  readonly read: (ids: readonly string[]) => Promise<Map<string, SessionRecord>>
  readonly evict: (id: string, principal: string) => Promise<unknown>
  /** Told about a few members of the index, now and then, so that somebody checks them. */
  readonly check: (principal: string, members: readonly string[]) => void
  readonly timeoutMs: number
}

/** The sessions of a principal whose index is full. */
interface Occupants {
  /** Those that were seen longest ago first. */
  readonly live: readonly { readonly id: string; readonly lastSeenAt: number }[]
  readonly expired: readonly string[]
  /** How many are about to become sessions, or did not in the end. */
  readonly pendingCount: number
  readonly deadMembers: readonly string[]
}

/** How long a refusal waits for others that may yet fail, in milliseconds. */
const PATIENCE = 1000
const LONGEST_PAUSE_MS = 20

/**
 * Reserves a place in the index of a principal. What stands in a full index is checked first: the
 * dead leave it, the expired do not count, and if the limit says so the oldest are ended.
 */
export async function reserveWithinLimit<R>(
  index: PrincipalIndex,
  admission: Admission<R>,
): Promise<Reservation | R | 'limit'> {
  const { principal, limit, check } = admission
  const startedAt = performance.now()
  let uncounted: readonly string[] = []
  let removed: readonly string[] = []
  for (let attempt = 1; ; attempt++) {
    const answer = await index.reserve(admission, uncounted, removed)
    if ('reservation' in answer) {
      if (answer.sample.length > 0) check(principal, answer.sample)
      return answer.reservation
    }
    const { live, expired, pendingCount, deadMembers } = await occupants(answer, admission)
    uncounted = expired
    removed = deadMembers
    const { max, onExceed } = limit as PrincipalLimit
    const excess = live.length + pendingCount - max + 1
    if (excess <= 0) continue
    const refusal = await admission.refusal()
    if (refusal !== null) return refusal
    const isHopeless = performance.now() - startedAt > PATIENCE
    if (onExceed === 'reject' && (live.length >= max || isHopeless)) return 'limit'
    if (onExceed === 'evict-oldest' && live.length >= excess) {
      const victims = live.slice(0, excess)
      await Promise.all(victims.map(({ id }) => admission.evict(id, principal)))
      removed = [...removed, ...victims.flatMap(({ id }) => answer.membersOf.get(id) ?? [])]
      continue
    }
    if (performance.now() - startedAt > admission.timeoutMs) throw stillPending()
    await pause(attempt)
  }
}

async function occupants<R>(full: FullIndex, admission: Admission<R>): Promise<Occupants> {
  const { principal, now } = admission
  const others = [...full.membersOf].filter(([id]) => id !== admission.id)
  const records = await admission.read(others.map(([id]) => id))
  const live: { id: string; lastSeenAt: number }[] = []
  const expired: string[] = []
  const deadMembers: string[] = []
  let pendingCount = 0
  for (const [id, members] of others) {
    const record = records.get(id)
    if (!belongsTo(record, principal)) {
      if (full.isPending(members)) pendingCount++
      else deadMembers.push(...members)
    } else if (record.expiresAt > now) {
      live.push({ id, lastSeenAt: record.lastSeenAt })
    } else {
      expired.push(id)
    }
  }
  live.sort((one, other) => one.lastSeenAt - other.lastSeenAt)
  return { live, expired, pendingCount, deadMembers }
}

function pause(attempt: number): Promise<void> {
  const longest = Math.min(2 ** attempt, LONGEST_PAUSE_MS)
  return new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * longest))
}

function stillPending(): StoreUnavailableError {
  return new StoreUnavailableError(
    'Other logins of the principal have begun and not ended. Nothing was written.',
  )
}
