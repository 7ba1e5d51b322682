import { randomBytes } from 'node:crypto'
import type { SessionRecord } from '../../core/session-record.ts'
import type { PrincipalLimit } from '../../core/store.ts'
import type { RedisCommands } from './redis-commands.ts'
import type { RedisKeys } from './redis-keys.ts'
import { pruneScript, reserveScript } from './redis-scripts.ts'

/** A place in the index of a principal, which its record is about to take. */
export interface Reservation {
  readonly principal: string
  /** On the clock of the server, in milliseconds; the record has to be written soon after it. */
  readonly reservedAt: string
  /** What the index holds for it; `null` if the session is there already. */
  readonly member: string | null
}

export interface ReserveRequest {
  readonly id: string
  readonly principal: string
  /** Whether the session belongs to the principal already, so that its id is in the index. */
  readonly isMember: boolean
  readonly limit: PrincipalLimit | undefined
  /** How long the session lives at most, in milliseconds. */
  readonly longestLife: number
}

/** The members of a full index, by the ids of their sessions. */
export interface FullIndex {
  readonly membersOf: ReadonlyMap<string, readonly string[]>
  /** Whether one of these members may still be about to get its record. */
  isPending(members: readonly string[]): boolean
}

/** Ids of a principal's sessions in the order of a list, and the members that name them. */
export interface IndexPage {
  readonly membersOf: ReadonlyMap<string, readonly string[]>
  /** The id after which the next page begins. */
  readonly next: string | null
}

/**
 * The ids of each principal's sessions: a hint that is checked against the records, since no command
 * can change the slots of both. How it never misses a session: docs/stores/redis.md.
 */
export class PrincipalIndex {
  readonly #commands: RedisCommands
  readonly #keys: RedisKeys

  constructor(commands: RedisCommands, keys: RedisKeys) {
    this.#commands = commands
    this.#keys = keys
  }

  /**
   * @param uncounted ids of expired sessions.
   * @param removed members whose sessions have ended.
   * @returns also a few members of the index, so that whoever adds one can check others.
   */
  async reserve(
    request: ReserveRequest,
    uncounted: readonly string[] = [],
    removed: readonly string[] = [],
  ): Promise<{ reservation: Reservation; sample: readonly string[] } | FullIndex> {
    const { id, principal, isMember, limit, longestLife } = request
    const nonce = isMember ? '' : randomBytes(6).toString('hex')
    const reply = (await this.#commands.run(
      reserveScript,
      this.#keys.principal(principal),
      id,
      nonce,
      limit === undefined ? '' : String(limit.max),
      String(Math.max(longestLife, 1)),
      String(uncounted.length),
      ...uncounted,
      ...removed,
    )) as ['reserved', string, string[]] | ['full', string, string[]]
    if (reply[0] === 'full') return fullIndex(reply[1], reply[2])
    const [, reservedAt, sample] = reply
    const member = isMember ? null : `${id}:${reservedAt}:${nonce}`
    return { reservation: { principal, reservedAt, member }, sample }
  }

  /** The members that name a session now: they may be removed once it has left the principal. */
  async membersOf(id: string, principal: string): Promise<string[]> {
    const key = this.#keys.principal(principal)
    const members = await this.#commands.send(key, 'ZRANGE', key, `[${id}:`, `(${id};`, 'BYLEX')
    return members as string[]
  }

  async remove(principal: string, members: readonly string[]): Promise<void> {
    const key = this.#keys.principal(principal)
    if (members.length > 0) await this.#commands.send(key, 'ZREM', key, ...members)
  }

  /** Removes whatever names a session that has ended, and whose id nobody will use again. */
  async forget(id: string, principal: string): Promise<void> {
    const key = this.#keys.principal(principal)
    await this.#commands.send(key, 'ZREMRANGEBYLEX', key, `[${id}:`, `(${id};`)
  }

  /** Removes members of which no record is there, unless it may still be on its way. */
  async prune(principal: string, members: readonly string[]): Promise<void> {
    if (members.length === 0) return
    await this.#commands.run(pruneScript, this.#keys.principal(principal), ...members)
  }

  /** The ids after `after`, the newest first; at most `limit`. */
  async page(principal: string, after: string | undefined, limit: number): Promise<IndexPage> {
    const key = this.#keys.principal(principal)
    const from = after === undefined ? '+' : `(${after}:`
    const range = [key, from, '-', 'BYLEX', 'REV', 'LIMIT', '0', String(limit + 1)]
    const members = (await this.#commands.send(key, 'ZRANGE', ...range)) as string[]
    const isLast = members.length <= limit
    const membersOf = byId(members.slice(0, limit))
    return { membersOf, next: isLast ? null : ([...membersOf.keys()].at(-1) ?? null) }
  }
}

/** Whether a record is there and belongs to the principal. */
export function belongsTo(
  record: SessionRecord | undefined,
  principal: string,
): record is SessionRecord {
  return record !== undefined && record.principal === principal
}

/** Groups members by the id they begin with. */
export function byId(members: readonly string[]): Map<string, string[]> {
  const membersOf = new Map<string, string[]>()
  for (const member of members) {
    const id = member.slice(0, member.lastIndexOf(':', member.lastIndexOf(':') - 1))
    const others = membersOf.get(id)
    if (others === undefined) membersOf.set(id, [member])
    else others.push(member)
  }
  return membersOf
}

function fullIndex(oldest: string, members: readonly string[]): FullIndex {
  const reservedAt = (member: string) => Number(member.split(':').at(-2))
  return {
    membersOf: byId(members),
    isPending: (some) => some.some((member) => reservedAt(member) >= Number(oldest)),
  }
}
