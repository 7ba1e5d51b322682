import type { ScanQuery } from '../../core/store.ts'
import { SWEEP_GRACE } from '../../core/store.ts'
import { decodeTimes, digits, HEAD_LENGTH, type ReviewTimes } from './record-format.ts'
import type { RedisCommands } from './redis-commands.ts'
import { REVIEW_SHARDS, type RedisKeys } from './redis-keys.ts'
import { reviewScript } from './redis-scripts.ts'

/** What the index holds: the moment at which a sweep looks at a session, and its id. */
interface Review {
  readonly shard: number
  readonly member: string
  readonly at: number
  readonly id: string
}

interface Plan {
  readonly expired: Review[]
  readonly kept: { readonly review: Review; readonly given: readonly string[] }[]
  readonly useless: Review[]
}

/** The ids of a page of all sessions, each with the moment under which it is listed. */
export interface ReviewPage {
  readonly listed: readonly { readonly id: string; readonly at: number }[]
  readonly next: string | null
}

/** Ends a record that expired before a moment. @returns whether there was one. */
export type EndExpired = (id: string, before: number) => Promise<boolean>

const MOST_PER_SHARD = 32

/**
 * When to look at which session: written when a session is made, not when it is used, so that a sweep
 * finds many sessions alive and puts them off. Walks over all sessions go by it, too. Why so:
 * docs/decisions/redis-indexes-are-hints.md.
 */
export class ReviewIndex {
  readonly #commands: RedisCommands
  readonly #keys: RedisKeys

  constructor(commands: RedisCommands, keys: RedisKeys) {
    this.#commands = commands
    this.#keys = keys
  }

  /** @param at epoch milliseconds, as a number or in its sixteen digits. */
  async add(id: string, at: number | string): Promise<void> {
    const key = this.#keys.reviewOf(id)
    await this.#commands.send(key, 'ZADD', key, '0', memberOf(id, at))
  }

  async remove(id: string, ...moments: (number | string)[]): Promise<void> {
    const key = this.#keys.reviewOf(id)
    await this.#commands.send(key, 'ZREM', key, ...moments.map((at) => memberOf(id, at)))
  }

  /** Deletes up to `limit` records whose deadline passed long enough ago. @returns how many. */
  async sweep(now: number, limit: number, endExpired: EndExpired): Promise<number> {
    const before = Math.max(now - SWEEP_GRACE, 0)
    // A walk over very many sessions that live on must not look like a store that is late.
    const until = performance.now() + this.#commands.timeoutMs / 4
    let count = 0
    while (count < limit && performance.now() < until) {
      const due = await this.#due(before)
      if (due.length === 0) break
      const { expired, kept, useless } = await this.#plan(due, before)
      const outcomes = await Promise.all([
        ...expired.slice(0, limit - count).map(({ id }) => endExpired(id, before)),
        ...kept.map(({ review, given }) => this.#putOff(review, given)),
        this.#removeAll(useless),
      ])
      count += outcomes.filter((outcome) => outcome === true).length
    }
    return count
  }

  /** Sessions in the order of the index, live or not. */
  async page({ cursor = '0:', limit }: ScanQuery): Promise<ReviewPage> {
    let shard = Number.parseInt(cursor, 10) || 0
    let after = cursor.slice(cursor.indexOf(':') + 1)
    const members: string[] = []
    while (shard < REVIEW_SHARDS && members.length < limit) {
      const wanted = limit - members.length
      const found = await this.#range(shard, after === '' ? '-' : `(${after}`, '+', wanted)
      members.push(...found)
      after = found.length < wanted ? '' : (found.at(-1) ?? '')
      if (after === '') shard++
    }
    return {
      listed: members.map((member) => ({ id: idOf(member), at: momentOf(member) })),
      next: shard < REVIEW_SHARDS ? `${shard}:${after}` : null,
    }
  }

  async #due(before: number): Promise<Review[]> {
    const shards = await Promise.all(
      Array.from({ length: REVIEW_SHARDS }, async (_, shard) => {
        const members = await this.#range(shard, '-', `(${digits(before)}`, MOST_PER_SHARD)
        return members.map((member) => ({
          shard,
          member,
          at: momentOf(member),
          id: idOf(member),
        }))
      }),
    )
    return shards.flat()
  }

  async #plan(due: readonly Review[], before: number): Promise<Plan> {
    const heads = await Promise.all(
      due.map(({ id }) => {
        const key = this.#keys.session(id)
        return this.#commands.send(key, 'GETRANGE', key, '0', String(HEAD_LENGTH - 1))
      }),
    )
    const plan: Plan = { expired: [], kept: [], useless: [] }
    for (const [index, review] of due.entries()) {
      const head = heads[index] as string
      const { expiresAt, listedAt, reviewAt } = decodeTimes(head)
      if (head === '') plan.useless.push(review)
      else if (expiresAt < before) plan.expired.push(review)
      else if (review.at !== listedAt && review.at !== reviewAt) plan.useless.push(review)
      else {
        const nextListing = listedAt < before ? expiresAt : listedAt
        const nextReview = Math.min(expiresAt, nextListing)
        const moments = [listedAt, reviewAt, nextListing, nextReview]
        plan.kept.push({ review, given: moments.map(digits) })
      }
    }
    return plan
  }

  /** In this order: a walk that goes on meanwhile has to find the session under one or the other. */
  async #putOff(review: Review, given: readonly string[]): Promise<void> {
    const key = this.#keys.session(review.id)
    await this.add(review.id, given[3] as string)
    const done = await this.#commands.run(reviewScript, key, ...given)
    if (Number(done) === 1) await this.#removeAll([review])
  }

  async #removeAll(reviews: readonly Review[]): Promise<void> {
    const membersOf = new Map<number, string[]>()
    for (const { shard, member } of reviews) {
      membersOf.set(shard, [...(membersOf.get(shard) ?? []), member])
    }
    await Promise.all(
      [...membersOf].map(([shard, members]) => {
        const key = this.#keys.review(shard)
        return this.#commands.send(key, 'ZREM', key, ...members)
      }),
    )
  }

  async #range(shard: number, from: string, to: string, count: number): Promise<string[]> {
    const key = this.#keys.review(shard)
    const range = [key, from, to, 'BYLEX', 'LIMIT', '0', String(count)]
    return (await this.#commands.send(key, 'ZRANGE', ...range)) as string[]
  }
}

/**
 * Whether a walk that finds a session under this moment finds it under another one, too. If a sweep
 * puts the session off meanwhile, nobody can tell; then it is found twice rather than not at all.
 */
export function isListedElsewhere(at: number, { listedAt, reviewAt }: ReviewTimes): boolean {
  return at > listedAt || (at === reviewAt && at !== listedAt)
}

function memberOf(id: string, at: number | string): string {
  return `${typeof at === 'number' ? digits(at) : at}:${id}`
}

function momentOf(member: string): number {
  return Number(member.slice(0, 16))
}

function idOf(member: string): string {
  return member.slice(17)
}
