import assert from 'node:assert/strict'
import type { SessionRecord } from '../core/session-record.ts'
import { deadline } from '../core/session-record.ts'
import type { MaybePromise, RecordPage, Store } from '../core/store.ts'
import type { ManualClock } from './manual-clock.ts'
import { manualClock } from './manual-clock.ts'

/** What a case works with: a store on an empty database, and a clock that stands still. */
export interface StoreCaseContext {
  readonly store: Store
  /** Opens another store on the same database; the same store again where there is no other. */
  another(): Promise<Store>
  readonly clock: ManualClock
  /** A record that is live now. Each has a greater id than the one before. */
  newRecord(changes?: Partial<SessionRecord>): SessionRecord
  /** Creates such a record in the store. */
  create(changes?: Partial<SessionRecord>): Promise<SessionRecord>
  /** The live record with this id as of the clock. */
  find(id: string): Promise<SessionRecord | undefined>
  /** The ids of a principal's live sessions as of the clock, newest first. */
  idsOf(principal: string): Promise<string[]>
}

/** Cases by name; each name is a sentence about what a store does. */
export type StoreCases = Readonly<Record<string, (context: StoreCaseContext) => Promise<void>>>

export interface StoreSource {
  readonly open: () => MaybePromise<Store>
  readonly connect?: (() => MaybePromise<Store>) | undefined
  readonly clock?: ManualClock | undefined
}

/** Runs one case on a store of its own, and closes whatever it opened. */
export async function runStoreCase(
  check: (context: StoreCaseContext) => Promise<void>,
  { open, connect, clock = manualClock() }: StoreSource,
): Promise<void> {
  const store = await open()
  const opened = [store]
  let recordCount = 0

  function newRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
    const now = clock.now()
    recordCount++
    const record = {
      id: uuidV7(now, recordCount),
      secretHash: `sha256:secret-${recordCount}`,
      previousSecretHash: null,
      previousSecretUntil: null,
      principal: null,
      data: `{"count":${recordCount}}`,
      version: 1,
      createdAt: now,
      lastSeenAt: now,
      idleTimeout: 10 * 60_000,
      absoluteExpiresAt: now + 31 * 86_400_000,
      persistent: false,
      userAgent: null,
      ip: null,
      ...changes,
    }
    return { ...record, expiresAt: changes.expiresAt ?? deadline(record) }
  }

  const context: StoreCaseContext = {
    store,
    async another() {
      if (connect === undefined) return store
      const other = await connect()
      opened.push(other)
      return other
    },
    clock,
    newRecord,
    async create(changes) {
      const record = newRecord(changes)
      assert.equal(await store.create(record), 'created')
      return record
    },
    find: (id) => findIn(store, id, clock.now()),
    async idsOf(principal) {
      const records = await walk((after) =>
        store.list({ principal, limit: 100, ...(after === null ? {} : { after }) }, clock.now()),
      )
      return records.map(({ id }) => id)
    },
  }

  try {
    await check(context)
  } finally {
    for (const each of opened) await each.close()
  }
}

/** The live record with this id. */
export async function findIn(
  store: Store,
  id: string,
  now: number,
): Promise<SessionRecord | undefined> {
  const records = await store.load([id], now)
  assert.ok(records.length <= 1, `load of one id answered with ${records.length} records`)
  return records[0]
}

/** The records of all pages. Fails where the pages do not end. */
export async function walk(
  nextPage: (cursor: string | null) => MaybePromise<RecordPage>,
): Promise<SessionRecord[]> {
  const records: SessionRecord[] = []
  let cursor: string | null = null
  for (let count = 0; count < 1000; count++) {
    const page: RecordPage = await nextPage(cursor)
    records.push(...page.records)
    if (page.next === null) return records
    cursor = page.next
  }
  assert.fail('the walk did not end within 1000 pages')
}

/** Fails unless two records are the same in every field, `data` in kind and in every byte. */
export function assertSameRecord(actual: SessionRecord | undefined, expected: SessionRecord): void {
  assert.ok(actual !== undefined, `the store has no live record ${expected.id}`)
  const { data: actualData, ...actualFields } = actual
  const { data: expectedData, ...expectedFields } = expected
  assert.deepEqual({ ...actualFields }, expectedFields)
  assertSameData(actualData, expectedData)
}

/** Fails unless two payloads are the same. Its message shows where they part, not a megabyte. */
export function assertSameData(actual: string | Uint8Array, expected: string | Uint8Array): void {
  assert.equal(kindOf(actual), kindOf(expected), 'the payload changed its kind')
  if (actual === expected) return
  const length = Math.max(actual.length, expected.length)
  for (let index = 0; index < length; index++) {
    const [found, wanted] = [unitAt(actual, index), unitAt(expected, index)]
    if (found === wanted) continue
    assert.equal(found, wanted, `the payload differs at ${index}: ${found} instead of ${wanted}`)
  }
}

function kindOf(data: unknown): string {
  return data instanceof Uint8Array ? 'bytes' : typeof data
}

function unitAt(data: string | Uint8Array, index: number): number | undefined {
  return typeof data === 'string' ? data.charCodeAt(index) : data[index]
}

/** Counts in the first and in the last digits: ids of one moment are in the order of their making. */
function uuidV7(epochMs: number, count: number): string {
  const time = epochMs.toString(16).padStart(12, '0').slice(-12)
  const [order, rest] = [count.toString(16).padStart(3, '0'), count.toString(16).padStart(12, '0')]
  return `${time.slice(0, 8)}-${time.slice(8)}-7${order}-8000-${rest}`
}
