import assert from 'node:assert/strict'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const loadCases: StoreCases = {
  'load of no ids answers with no records': async ({ store, clock, create }) => {
    await create()
    assert.deepEqual(await store.load([], clock.now()), [])
  },

  'load of an unknown id answers with no record': async ({ store, clock, create, newRecord }) => {
    await create()
    assert.deepEqual(await store.load([newRecord().id], clock.now()), [])
  },

  'load answers with each of several records': async ({ store, clock, create, newRecord }) => {
    const records = [await create(), await create(), await create()]
    await create()
    const ids = [records[2]?.id, newRecord().id, records[0]?.id, records[1]?.id]
    const loaded = await store.load(
      ids.filter((id) => id !== undefined),
      clock.now(),
    )
    assert.equal(loaded.length, 3)
    for (const record of records) {
      assertSameRecord(
        loaded.find(({ id }) => id === record.id),
        record,
      )
    }
  },

  'load answers once with a record that is asked for twice': async ({ store, clock, create }) => {
    const { id } = await create()
    const other = await create()
    const loaded = await store.load([id, other.id, id, id], clock.now())
    assert.deepEqual(loaded.map((record) => record.id).toSorted(), [id, other.id])
  },

  'load hands out a record until one millisecond before its deadline': async ({
    store,
    create,
  }) => {
    const record = await create()
    assertSameRecord((await store.load([record.id], record.expiresAt - 1))[0], record)
  },

  'load hands out no record at its deadline or later': async ({ store, create }) => {
    const { id, expiresAt } = await create()
    assert.deepEqual(await store.load([id], expiresAt), [])
    assert.deepEqual(await store.load([id], expiresAt + 1), [])
    assert.deepEqual(await store.load([id], expiresAt + 86_400_000), [])
  },

  'load heeds the absolute deadline where that is the earlier one': async ({
    store,
    clock,
    create,
  }) => {
    const absoluteExpiresAt = clock.now() + 60_000
    const { id } = await create({ absoluteExpiresAt })
    assert.equal((await store.load([id], absoluteExpiresAt - 1)).length, 1)
    assert.deepEqual(await store.load([id], absoluteExpiresAt), [])
  },

  'load leaves out the expired among live ones': async ({ store, clock, create }) => {
    const short = await create({ idleTimeout: 60_000 })
    const long = await create()
    clock.advance('1m')
    const loaded = await store.load([short.id, long.id], clock.now())
    assert.deepEqual(
      loaded.map(({ id }) => id),
      [long.id],
    )
  },

  'load judges by the time that is passed in, and deletes nothing': async ({ store, create }) => {
    const record = await create()
    assert.deepEqual(await store.load([record.id], record.expiresAt + 86_400_000), [])
    assertSameRecord((await store.load([record.id], record.createdAt))[0], record)
  },

  'loads at once do not mix up their answers': async ({ store, clock, create }) => {
    const records = [await create(), await create(), await create(), await create()]
    const answers = await Promise.all(
      [...records, ...records].map(({ id }, index) =>
        store.load([id], index < 4 ? clock.now() : clock.now() + 86_400_000),
      ),
    )
    for (const [index, record] of records.entries()) {
      assert.equal(answers[index]?.length, 1)
      assertSameRecord(answers[index]?.[0], record)
      assert.deepEqual(answers[index + 4], [])
    }
  },

  'a load that begins after a write was answered sees that write': async ({
    store,
    another,
    clock,
    create,
  }) => {
    const other = await another()
    const record = await create()
    for (let version = 1; version <= 5; version++) {
      const writer = version % 2 === 0 ? store : other
      assert.equal(await writer.save(record, version, clock.now()), 'saved')
      const answers = await Promise.all([
        store.load([record.id], clock.now()),
        other.load([record.id], clock.now()),
      ])
      for (const [loaded] of answers) assert.equal(loaded?.version, version + 1)
    }
  },

  'load returns a promise exactly if loadsSynchronously is false': async ({
    store,
    clock,
    create,
  }) => {
    const { id } = await create()
    const answer = store.load([id], clock.now())
    assert.equal(Array.isArray(answer), store.loadsSynchronously)
    assert.equal((await answer).length, 1)
  },
}
