import { StoreUnavailableError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'
import { deadline } from '../../core/session-record.ts'
import type {
  CreateOutcome,
  DeleteConditions,
  DeleteOutcome,
  ListQuery,
  PrincipalLimit,
  RecordPage,
  SaveOutcome,
  ScanQuery,
} from '../../core/store.ts'
import { LoadQueue, readKeys } from './load-queue.ts'
import { belongsTo, byId, PrincipalIndex, type Reservation } from './principal-index.ts'
import { type Admission, reserveWithinLimit } from './principal-limit.ts'
import {
  decodeRecord,
  decodeTimes,
  digits,
  encodeRecord,
  fieldsBegin,
  principalIn,
} from './record-format.ts'
import type { RedisCommands } from './redis-commands.ts'
import type { RedisKeys } from './redis-keys.ts'
import { createScript, deleteScript, saveScript, touchScript } from './redis-scripts.ts'
import { isListedElsewhere, ReviewIndex } from './review-index.ts'

/** How the script answers that deletes a record. */
type Deleted = [outcome: 'deleted', fields: string, listedAt: string, reviewAt: string]

/** Keys that one command reads for a list or a walk: so many hold up nobody. */
const MOST_KEYS = 100

/**
 * The verbs of the store in terms of keys. Each step is a command or a script on one slot, and the
 * order of the steps keeps the indexes complete: the indexes first, then the record.
 */
export class SessionKeyspace {
  readonly #commands: RedisCommands
  readonly #keys: RedisKeys
  readonly #waitReplicas: number
  readonly #loads: LoadQueue
  readonly #principals: PrincipalIndex
  readonly #reviews: ReviewIndex
  readonly #upkeep = new Set<Promise<void>>()

  constructor(commands: RedisCommands, keys: RedisKeys, waitReplicas: number) {
    this.#commands = commands
    this.#keys = keys
    this.#waitReplicas = waitReplicas
    this.#loads = new LoadQueue(commands)
    this.#principals = new PrincipalIndex(commands, keys)
    this.#reviews = new ReviewIndex(commands, keys)
  }

  /** Resolves when nothing that was begun is left to do. */
  async settled(): Promise<void> {
    while (this.#upkeep.size > 0) await Promise.all(this.#upkeep)
  }

  async load(ids: readonly string[], now: number): Promise<SessionRecord[]> {
    const distinct = ids.length === 1 ? ids : [...new Set(ids)]
    if (distinct.length === 0) return []
    const keys = distinct.map((id) => this.#keys.session(id))
    const read = (values: readonly (string | null)[]) => {
      const records: SessionRecord[] = []
      for (const [index, id] of distinct.entries()) {
        const value = values[index]
        if (typeof value !== 'string') continue
        const record = decodeRecord(id, value)
        if (record.expiresAt > now) records.push(record)
      }
      return records
    }
    return this.#commands.connection.isCluster
      ? read(await readKeys(this.#commands, keys))
      : this.#loads.load(keys, read)
  }

  async create(record: SessionRecord, limit?: PrincipalLimit): Promise<CreateOutcome> {
    const { id, principal, createdAt, lastSeenAt, absoluteExpiresAt, expiresAt } = record
    const value = encodeRecord(record)
    const key = this.#keys.session(id)
    const now = Math.max(createdAt, lastSeenAt)
    const [reservation] = await Promise.all([
      principal === null
        ? null
        : this.#reserve({
            ...{ id, principal, limit, now: createdAt },
            isMember: false,
            longestLife: absoluteExpiresAt - now,
            refusal: async () =>
              Number(await this.#commands.send(key, 'EXISTS', key)) === 1 ? 'taken' : null,
          }),
      this.#reviews.add(id, expiresAt),
    ])
    if (reservation === 'taken') return 'taken'
    if (reservation === 'limit') {
      this.#inBackground(this.#reviews.remove(id, expiresAt))
      return 'limit'
    }
    const reservedAt = reservation?.reservedAt ?? ''
    const given = [reservedAt, value, String(now)]
    const reply = await this.#commands.run(createScript, key, ...given)
    if (reply === 'created') {
      if (principal !== null) await this.#awaitReplicas(key)
      return 'created'
    }
    this.#release(reservation)
    if (reply === 'late') throw tooLate()
    const [, ...moments] = reply as readonly string[]
    if (!moments.includes(digits(expiresAt)))
      this.#inBackground(this.#reviews.remove(id, expiresAt))
    return 'taken'
  }

  async save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): Promise<SaveOutcome> {
    const { id, principal, absoluteExpiresAt } = record
    const key = this.#keys.session(id)
    const expected = digits(expectedVersion)
    const version = expectedVersion + 1
    const value = encodeRecord({ ...record, version, expiresAt: deadline(record) })
    const length = String(Buffer.byteLength(fieldsBegin(principal)))
    const write = (step: 'plain' | 'ask' | 'indexed', reservedAt: string) =>
      this.#commands.run(
        saveScript,
        key,
        ...[expected, String(now), step, reservedAt, length, value],
      )

    const isLimited = limit !== undefined && principal !== null
    const first = await write(isLimited ? 'ask' : 'plain', '')
    if (!isAnswer(first, 'index')) return this.#saved(id, first)

    const before = principalIn(first[1] as string)
    const isMember = before === principal
    const [reservation, left] = await Promise.all([
      principal === null
        ? null
        : this.#reserve({
            ...{ id, principal, limit, now, isMember },
            longestLife: absoluteExpiresAt - now,
            refusal: async () => {
              const reply = await write('ask', '')
              return reply === 'conflict' || reply === 'gone' ? reply : null
            },
          }),
      before === null || isMember ? [] : this.#principals.membersOf(id, before),
    ])
    if (typeof reservation === 'string') return reservation
    const second = await write('indexed', reservation?.reservedAt ?? '')
    if (second === 'late') {
      this.#release(reservation)
      throw tooLate()
    }
    const outcome = await this.#saved(id, second)
    if (outcome !== 'saved') this.#release(reservation)
    else {
      if (before !== null) this.#inBackground(this.#principals.remove(before, left))
      await this.#awaitReplicas(key)
    }
    return outcome
  }

  async touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): Promise<boolean> {
    const given = [...[expectedVersion, lastSeenAt, idleTimeout].map(digits), String(now)]
    const reply = await this.#commands.run(touchScript, this.#keys.session(id), ...given)
    return Number(reply) === 1
  }

  async delete(id: string, conditions: DeleteConditions): Promise<DeleteOutcome> {
    const outcome = await this.#delete(id, conditions)
    if (outcome === 'deleted') await this.#awaitReplicas(this.#keys.session(id))
    return outcome
  }

  async deleteAll(principal: string, exceptId?: string): Promise<number> {
    let count = 0
    let after: string | undefined
    for (;;) {
      const { membersOf, next } = await this.#principals.page(principal, after, MOST_KEYS)
      const ids = [...membersOf.keys()].filter((id) => id !== exceptId)
      const outcomes = await Promise.all(ids.map((id) => this.#delete(id, { principal })))
      const ended = ids.filter((_, index) => outcomes[index] === 'deleted')
      const dead = ids.filter((_, index) => outcomes[index] === 'gone')
      count += ended.length
      this.#prune(
        principal,
        dead.flatMap((id) => membersOf.get(id) ?? []),
      )
      await Promise.all(ended.map((id) => this.#awaitReplicas(this.#keys.session(id))))
      if (next === null) return count
      after = next
    }
  }

  async list({ principal, after, limit }: ListQuery, now: number): Promise<RecordPage> {
    const { membersOf, next } = await this.#principals.page(principal, after, limit)
    const stored = await this.#read([...membersOf.keys()])
    const records: SessionRecord[] = []
    const dead: string[] = []
    for (const [id, members] of membersOf) {
      const record = stored.get(id)
      if (!belongsTo(record, principal)) dead.push(...members)
      else if (record.expiresAt > now) records.push(record)
    }
    this.#prune(principal, dead)
    return { records, next }
  }

  async scan(query: ScanQuery, now: number): Promise<RecordPage> {
    const { listed, next } = await this.#reviews.page(query)
    const values = await this.#readValues(listed.map(({ id }) => id))
    const records: SessionRecord[] = []
    for (const { id, at } of listed) {
      const value = values.get(id)
      if (value === undefined || isListedElsewhere(at, decodeTimes(value))) continue
      const record = decodeRecord(id, value)
      if (record.expiresAt > now) records.push(record)
    }
    return { records, next }
  }

  sweep(now: number, limit: number): Promise<number> {
    return this.#reviews.sweep(now, limit, async (id, before) => {
      const outcome = await this.#delete(id, {}, String(before))
      return outcome === 'deleted'
    })
  }

  async #delete(
    id: string,
    { expectedVersion, principal }: DeleteConditions,
    expiredBefore = '',
  ): Promise<DeleteOutcome> {
    const reply = await this.#commands.run(
      deleteScript,
      this.#keys.session(id),
      expectedVersion === undefined ? '' : digits(expectedVersion),
      principal === undefined ? '' : fieldsBegin(principal),
      expiredBefore,
    )
    if (!isAnswer(reply, 'deleted')) return reply as 'conflict' | 'gone'
    const [, fields, listedAt, reviewAt] = reply as Deleted
    const owner = principalIn(fields)
    this.#inBackground(this.#reviews.remove(id, listedAt, reviewAt))
    if (owner !== null) this.#inBackground(this.#principals.forget(id, owner))
    return 'deleted'
  }

  /** What a save of the record itself has come to. */
  async #saved(id: string, reply: unknown): Promise<SaveOutcome> {
    if (!isAnswer(reply, 'earlier')) return reply as SaveOutcome
    await this.#reviews.add(id, reply[1] as string)
    return 'saved'
  }

  #reserve<R>(
    request: Pick<
      Admission<R>,
      'id' | 'principal' | 'isMember' | 'limit' | 'longestLife' | 'now' | 'refusal'
    >,
  ): Promise<Reservation | R | 'limit'> {
    return reserveWithinLimit(this.#principals, {
      ...request,
      timeoutMs: this.#commands.timeoutMs,
      read: (ids) => this.#read(ids),
      evict: (id, principal) => this.#delete(id, { principal }),
      check: (principal, members) => this.#inBackground(this.#check(principal, members)),
    })
  }

  #release(reservation: Reservation | null): void {
    if (reservation === null || reservation.member === null) return
    this.#inBackground(this.#principals.remove(reservation.principal, [reservation.member]))
  }

  /** Keeps the index of a principal small whose sessions expire and are never listed. */
  async #check(principal: string, members: readonly string[]): Promise<void> {
    const membersOf = byId(members)
    const stored = await this.#read([...membersOf.keys()])
    const dead = [...membersOf].filter(([id]) => !belongsTo(stored.get(id), principal))
    await this.#principals.prune(
      principal,
      dead.flatMap(([, some]) => some),
    )
  }

  #prune(principal: string, members: readonly string[]): void {
    this.#inBackground(this.#principals.prune(principal, members))
  }

  /** Records, live or not, by their ids. */
  async #read(ids: readonly string[]): Promise<Map<string, SessionRecord>> {
    const values = await this.#readValues(ids)
    return new Map([...values].map(([id, value]) => [id, decodeRecord(id, value)]))
  }

  async #readValues(ids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (let begin = 0; begin < ids.length; begin += MOST_KEYS) {
      const some = ids.slice(begin, begin + MOST_KEYS)
      const keys = some.map((id) => this.#keys.session(id))
      const values = await readKeys(this.#commands, keys)
      for (const [index, id] of some.entries()) {
        const value = values[index]
        if (typeof value === 'string') found.set(id, value)
      }
    }
    return found
  }

  async #awaitReplicas(key: string): Promise<void> {
    if (this.#waitReplicas > 0) await this.#commands.awaitReplicas(key, this.#waitReplicas)
  }

  /** Upkeep of the indexes: nobody waits for it, and what is not done now is done by a later one. */
  #inBackground(work: Promise<void>): void {
    const settled = work.catch(() => {}).finally(() => this.#upkeep.delete(settled))
    this.#upkeep.add(settled)
  }
}

function isAnswer(reply: unknown, outcome: string): reply is readonly unknown[] {
  return Array.isArray(reply) && reply[0] === outcome
}

function tooLate(): StoreUnavailableError {
  return new StoreUnavailableError(
    'Redis was asked to write a session too long after its place was reserved. Nothing was written.',
  )
}
