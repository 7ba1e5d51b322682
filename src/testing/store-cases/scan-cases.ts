import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { RecordPage } from '../../core/store.ts'
import type { StoreCaseContext, StoreCases } from '../store-case.ts'
import { assertSameRecord, walk } from '../store-case.ts'

/** All records of a scan in pages of `limit`, checking that no page is longer. */
function scanInPages(
  { store, clock }: StoreCaseContext,
  limit: number,
  betweenPages: (page: RecordPage) => Promise<void> = async () => {},
): Promise<SessionRecord[]> {
  return walk(async (cursor) => {
    const page = await store.scan(cursor === null ? { limit } : { limit, cursor }, clock.now())
    assert.ok(page.records.length <= limit, `a page of ${limit} has ${page.records.length} records`)
    await betweenPages(page)
    return page
  })
}

/** Ids in order and without the duplicates that a scan may have. */
function distinctIds(records: readonly SessionRecord[]): string[] {
  return [...new Set(records.map(({ id }) => id))].sort()
}

export const scanCases: StoreCases = {
  'scan of an empty database finds nothing': async (context) => {
    assert.deepEqual(await scanInPages(context, 10), [])
  },

  'scan hands out whole records, of principals and anonymous ones': async (context) => {
    const records = [
      await context.create({ principal: 'ada', data: Uint8Array.of(0, 255), persistent: true }),
      await context.create({ principal: null, userAgent: 'Firefox', ip: '203.0.113.7' }),
    ]
    const scanned = await scanInPages(context, 10)
    assert.deepEqual(
      distinctIds(scanned),
      records.map(({ id }) => id),
    )
    for (const each of scanned) {
      const record = records.find(({ id }) => id === each.id)
      assert.ok(record !== undefined)
      assertSameRecord(each, record)
    }
  },

  'scan in pages finds every live record, whatever the size of a page': async (context) => {
    const ids: string[] = []
    for (let count = 0; count < 11; count++) {
      const principal = [null, 'ada', 'grace'][count % 3] ?? null
      ids.push((await context.create({ principal })).id)
      context.clock.advance('1s')
    }
    for (const limit of [1, 2, 3, 10, 11, 12, 1000]) {
      assert.deepEqual(distinctIds(await scanInPages(context, limit)), ids)
    }
  },

  'scan holds live records only, on every page': async (context) => {
    const live: string[] = []
    for (let count = 0; count < 12; count++) {
      const short = count % 3 !== 0
      const { id } = await context.create({ idleTimeout: short ? 60_000 : 3_600_000 })
      if (!short) live.push(id)
    }
    context.clock.advance('1m')
    for (const limit of [1, 2, 3, 12]) {
      assert.deepEqual(distinctIds(await scanInPages(context, limit)), live)
    }
  },

  'scan drops a record at its deadline, not before': async ({ store, create }) => {
    const { id, expiresAt } = await create()
    const before = await walk((cursor) =>
      store.scan(cursor === null ? { limit: 10 } : { limit: 10, cursor }, expiresAt - 1),
    )
    assert.deepEqual(distinctIds(before), [id])
    const after = await walk((cursor) =>
      store.scan(cursor === null ? { limit: 10 } : { limit: 10, cursor }, expiresAt),
    )
    assert.deepEqual(after, [])
  },

  'scan finds every record that lives through the walk while others come and go': async (
    context,
  ) => {
    const { store, create } = context
    const [stay, leave] = [[], []] as [string[], string[]]
    for (let count = 0; count < 20; count++) {
      ;(count % 2 === 0 ? stay : leave).push((await create()).id)
    }
    const scanned = await scanInPages(context, 3, async () => {
      if (leave.length > 0) await create()
      for (const id of leave.splice(0, 3)) await store.delete(id)
    })
    const found = new Set(distinctIds(scanned))
    for (const id of stay) assert.ok(found.has(id), `the scan has missed ${id}`)
  },

  'scan goes on after every record of its last page was deleted': async (context) => {
    const { store, create } = context
    const ids: string[] = []
    for (let count = 0; count < 9; count++) ids.push((await create()).id)
    const scanned = await scanInPages(context, 2, async (page) => {
      for (const { id } of page.records) await store.delete(id)
    })
    assert.deepEqual(distinctIds(scanned), ids)
  },

  'scan finds a record that is saved and touched during the walk': async (context) => {
    const { store, clock, create } = context
    const records: SessionRecord[] = []
    for (let count = 0; count < 9; count++) records.push(await create())
    let version = 1
    const scanned = await scanInPages(context, 2, async () => {
      clock.advance('1s')
      for (const record of records) {
        await store.save({ ...record, lastSeenAt: clock.now() }, version, clock.now())
        await store.touch(record.id, version + 1, clock.now(), record.idleTimeout, clock.now())
      }
      version++
    })
    assert.deepEqual(
      distinctIds(scanned),
      records.map(({ id }) => id),
    )
  },

  'two scans at once do not disturb each other': async (context) => {
    const ids: string[] = []
    for (let count = 0; count < 10; count++) ids.push((await context.create()).id)
    const scans = await Promise.all([scanInPages(context, 2), scanInPages(context, 3)])
    for (const scanned of scans) assert.deepEqual(distinctIds(scanned), ids)
  },
}
