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
  Store,
} from '../../core/store.ts'
import { SWEEP_GRACE } from '../../core/store.ts'

/**
 * Keeps sessions in the memory of this process: for tests and development. It forgets them when the
 * process ends, and no other process sees them. Every verb returns its outcome, not a promise.
 */
export function memoryStore(): Store {
  return new MemoryStore()
}

class MemoryStore implements Store {
  readonly loadsSynchronously = true
  readonly #records = new Map<string, SessionRecord>()
  readonly #idsOfPrincipal = new Map<string, Set<string>>()
  #closed = false

  create(record: SessionRecord, limit?: PrincipalLimit): CreateOutcome {
    const records = this.#open()
    if (records.has(record.id)) return 'taken'
    if (limit !== undefined && !this.#makeRoom(record, limit, record.createdAt)) return 'limit'
    this.#write(copy(record))
    return 'created'
  }

  load(ids: readonly string[], now: number): SessionRecord[] {
    this.#open()
    return [...new Set(ids)]
      .map((id) => this.#live(id, now))
      .filter((record) => record !== undefined)
      .map(copy)
  }

  save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): SaveOutcome {
    this.#open()
    const stored = this.#live(record.id, now)
    if (stored === undefined) return 'gone'
    if (stored.version !== expectedVersion) return 'conflict'
    if (limit !== undefined && !this.#makeRoom(record, limit, now)) return 'limit'
    const { createdAt } = stored
    const lastSeenAt = Math.max(stored.lastSeenAt, record.lastSeenAt)
    const expiresAt = deadline({ ...record, lastSeenAt })
    const version = expectedVersion + 1
    this.#remove(stored)
    this.#write(copy({ ...record, version, createdAt, lastSeenAt, expiresAt }))
    return 'saved'
  }

  touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): boolean {
    this.#open()
    const stored = this.#live(id, now)
    if (stored === undefined) return false
    if (stored.version !== expectedVersion) return true
    const moved = { ...stored, idleTimeout, lastSeenAt: Math.max(stored.lastSeenAt, lastSeenAt) }
    this.#write({ ...moved, expiresAt: Math.max(stored.expiresAt, deadline(moved)) })
    return true
  }

  delete(id: string, conditions: DeleteConditions = {}): DeleteOutcome {
    const { expectedVersion, principal } = conditions
    const stored = this.#open().get(id)
    if (stored === undefined) return 'gone'
    if (principal !== undefined && stored.principal !== principal) return 'gone'
    if (expectedVersion !== undefined && stored.version !== expectedVersion) return 'conflict'
    this.#remove(stored)
    return 'deleted'
  }

  sweep(now: number, limit: number): number {
    let count = 0
    for (const record of this.#open().values()) {
      if (count === limit) break
      if (record.expiresAt + SWEEP_GRACE >= now) continue
      this.#remove(record)
      count++
    }
    return count
  }

  list({ principal, after, limit }: ListQuery, now: number): RecordPage {
    this.#open()
    const ids = this.#idsOf(principal)
      .filter((id) => (after === undefined || id < after) && this.#live(id, now) !== undefined)
      .sort()
      .reverse()
    return this.#page(ids, limit)
  }

  scan({ cursor, limit }: ScanQuery, now: number): RecordPage {
    const ids = [...this.#open().keys()]
      .filter((id) => (cursor === undefined || id > cursor) && this.#live(id, now) !== undefined)
      .sort()
    return this.#page(ids, limit)
  }

  deleteAll(selection: { readonly principal: string; readonly exceptId?: string }): number {
    const records = this.#open()
    const ids = this.#idsOf(selection.principal).filter((id) => id !== selection.exceptId)
    for (const id of ids) this.#remove(records.get(id) as SessionRecord)
    return ids.length
  }

  close(): void {
    this.#closed = true
    this.#records.clear()
    this.#idsOfPrincipal.clear()
  }

  #open(): Map<string, SessionRecord> {
    if (this.#closed) throw new StoreUnavailableError('The memory store is closed.')
    return this.#records
  }

  #live(id: string, now: number): SessionRecord | undefined {
    const record = this.#records.get(id)
    return record !== undefined && record.expiresAt > now ? record : undefined
  }

  #idsOf(principal: string): string[] {
    return [...(this.#idsOfPrincipal.get(principal) ?? [])]
  }

  #makeRoom(record: SessionRecord, limit: PrincipalLimit, now: number): boolean {
    if (record.principal === null) return true
    const others = this.#idsOf(record.principal)
      .filter((id) => id !== record.id)
      .map((id) => this.#live(id, now))
      .filter((other) => other !== undefined)
      .sort((a, b) => a.lastSeenAt - b.lastSeenAt)
    const excess = others.length - limit.max + 1
    if (excess > 0 && limit.onExceed === 'reject') return false
    for (const other of others.slice(0, Math.max(excess, 0))) this.#remove(other)
    return true
  }

  #write(record: SessionRecord): void {
    this.#records.set(record.id, record)
    if (record.principal === null) return
    const ids = this.#idsOfPrincipal.get(record.principal)
    if (ids === undefined) this.#idsOfPrincipal.set(record.principal, new Set([record.id]))
    else ids.add(record.id)
  }

  #remove(record: SessionRecord): void {
    this.#records.delete(record.id)
    if (record.principal === null) return
    const ids = this.#idsOfPrincipal.get(record.principal)
    ids?.delete(record.id)
    if (ids?.size === 0) this.#idsOfPrincipal.delete(record.principal)
  }

  #page(ids: readonly string[], limit: number): RecordPage {
    const page = ids.slice(0, limit)
    return {
      records: page.map((id) => copy(this.#records.get(id) as SessionRecord)),
      next: ids.length > limit ? (page.at(-1) ?? null) : null,
    }
  }
}

// Not data.slice(): on a Buffer that is a view of the same bytes.
function copy(record: SessionRecord): SessionRecord {
  const { data } = record
  return { ...record, data: typeof data === 'string' ? data : new Uint8Array(data) }
}
