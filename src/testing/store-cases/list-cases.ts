import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { RecordPage } from '../../core/store.ts'
import type { StoreCaseContext, StoreCases } from '../store-case.ts'
import { assertSameRecord, walk } from '../store-case.ts'

/** The list of a principal in pages of `limit`, checking that no page is longer. */
async function listInPages(
  { store, clock }: StoreCaseContext,
  principal: string,
  limit: number,
  betweenPages: (page: RecordPage) => Promise<void> = async () => {},
): Promise<string[]> {
  const records = await walk(async (after) => {
    const query = after === null ? { principal, limit } : { principal, limit, after }
    const page = await store.list(query, clock.now())
    assert.ok(page.records.length <= limit, `a page of ${limit} has ${page.records.length} records`)
    await betweenPages(page)
    return page
  })
  return records.map(({ id }) => id)
}

export const listCases: StoreCases = {
  'list of a principal without sessions is one empty page': async ({ store, clock, create }) => {
    await create({ principal: 'grace' })
    await create()
    const page = await store.list({ principal: 'ada', limit: 10 }, clock.now())
    assert.deepEqual(page, { records: [], next: null })
  },

  'list hands out whole records': async ({ store, clock, create }) => {
    const record = await create({
      principal: 'ada',
      data: Uint8Array.of(0, 255),
      persistent: true,
      userAgent: 'Firefox',
      ip: '203.0.113.7',
    })
    const page = await store.list({ principal: 'ada', limit: 10 }, clock.now())
    assert.equal(page.records.length, 1)
    assert.equal(page.next, null)
    assertSameRecord(page.records[0], record)
  },

  'list is in the order of the ids, newest first, whatever the order of use': async ({
    store,
    clock,
    newRecord,
    idsOf,
  }) => {
    const records = Array.from({ length: 6 }, () => newRecord({ principal: 'ada' }))
    for (const index of [3, 0, 5, 1, 4, 2]) {
      const record = records[index]
      assert.ok(record !== undefined)
      assert.equal(await store.create(record), 'created')
      clock.advance('1s')
      await store.touch(record.id, 1, clock.now(), record.idleTimeout, clock.now())
    }
    const newestFirst = records.map(({ id }) => id).toReversed()
    assert.deepEqual(await idsOf('ada'), newestFirst)
  },

  'list in pages is complete, in order and without duplicates': async (context) => {
    const ids: string[] = []
    for (let count = 0; count < 7; count++) {
      ids.unshift((await context.create({ principal: 'ada' })).id)
      await context.create({ principal: 'grace' })
      context.clock.advance('1s')
    }
    for (const limit of [1, 2, 3, 6, 7, 8, 1000]) {
      assert.deepEqual(await listInPages(context, 'ada', limit), ids)
    }
  },

  'list holds live sessions only, on every page': async (context) => {
    const live: string[] = []
    for (let count = 0; count < 12; count++) {
      const short = count % 3 !== 0
      const { id } = await context.create({
        principal: 'ada',
        idleTimeout: short ? 60_000 : 3_600_000,
      })
      if (!short) live.unshift(id)
    }
    context.clock.advance('1m')
    for (const limit of [1, 2, 3, 12]) {
      assert.deepEqual(await listInPages(context, 'ada', limit), live)
    }
  },

  'list drops a session at its deadline, not before': async ({ store, create }) => {
    const { id, expiresAt } = await create({ principal: 'ada' })
    const query = { principal: 'ada', limit: 10 }
    const before = await store.list(query, expiresAt - 1)
    assert.deepEqual(
      before.records.map((record) => record.id),
      [id],
    )
    assert.deepEqual((await store.list(query, expiresAt)).records, [])
  },

  'list drops a session that was deleted': async ({ store, create, idsOf }) => {
    const first = await create({ principal: 'ada' })
    const second = await create({ principal: 'ada' })
    assert.equal(await store.delete(second.id), 'deleted')
    assert.deepEqual(await idsOf('ada'), [first.id])
  },

  'list shows what a save has written': async ({ store, clock, create }) => {
    const record = await create({ principal: 'ada' })
    assert.equal(await store.save({ ...record, userAgent: 'new' }, 1, clock.now()), 'saved')
    const page = await store.list({ principal: 'ada', limit: 10 }, clock.now())
    assertSameRecord(page.records[0], { ...record, userAgent: 'new', version: 2 })
  },

  'list is not disturbed by sessions that come and go between its pages': async (context) => {
    const { store, create } = context
    const ids: string[] = []
    for (let count = 0; count < 6; count++) ids.unshift((await create({ principal: 'ada' })).id)
    const listed = await listInPages(context, 'ada', 2, async (page) => {
      await create({ principal: 'ada' })
      for (const { id } of page.records) await store.delete(id)
    })
    assert.deepEqual(listed, ids)
  },

  'list tells principals apart exactly': async ({ create, idsOf, find }) => {
    const principals = [
      ...['a', 'A', 'á', 'a\u0301', 'à', 'ä', 'a ', ' a', 'a\t', 'a\n', 'aa', ''],
      ...['ss', 'ß', 'SS', 'i', 'I', 'ı', 'İ', 'Å', 'A\u030a', '\u212b', 'ﬁ', 'fi'],
      ...["'", '"', '`', '\\', '%', '_', '*', '?', '$1', ':a', '{a}', '[a]', 'a,b', 'a:b', 'a;--'],
      ...['null', 'undefined', '0', '00', '0.0', '1e0', 'true', '__proto__', 'constructor'],
      ...['\u{1f469}', '\u{1f469}\u200d\u{1f680}', '漢', '\uffff', '\u{10ffff}'],
      ...['\u200b', '\ufeff', 'a\ufeff', 'a\u200b', 'a\u00ad'],
      ...['x'.repeat(254), 'x'.repeat(255), '€'.repeat(255), `${'\u{1f469}'.repeat(127)}x`],
    ]
    const records: SessionRecord[] = []
    for (const principal of principals) records.push(await create({ principal }))
    for (const record of records) {
      assert.deepEqual(await idsOf(record.principal ?? ''), [record.id])
      assertSameRecord(await find(record.id), record)
    }
  },

  'list takes wildcards in a principal literally': async ({ create, idsOf }) => {
    await create({ principal: 'ada' })
    for (const principal of ['%', 'a%', '_da', '*', 'a*', '?da', '.*', "' OR '1'='1"]) {
      assert.deepEqual(await idsOf(principal), [])
    }
  },

  'list never shows anonymous sessions': async ({ create, idsOf }) => {
    await create({ principal: null })
    for (const principal of ['', 'null', 'undefined']) {
      assert.deepEqual(await idsOf(principal), [])
    }
  },
}
