import assert from 'node:assert/strict'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord, findIn } from '../store-case.ts'

/** Fails unless the verb throws, or rejects with, StoreUnavailableError. */
async function assertUnavailable(name: string, verb: () => unknown): Promise<void> {
  const error = await (async () => verb())().then(
    (outcome) => assert.fail(`${name} after close answered ${JSON.stringify(outcome)}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Error, `${name} after close threw no Error`)
  assert.equal(
    (error as { code?: unknown }).code,
    'ERR_SESSION_STORE_UNAVAILABLE',
    `${name} after close threw ${error.name}: ${error.message}`,
  )
}

export const closeCases: StoreCases = {
  'close may be called again and again': async ({ store, create }) => {
    await create()
    await store.close()
    await store.close()
    await Promise.all([store.close(), store.close()])
  },

  'close may be called on a store that was never used': async ({ store }) => {
    await store.close()
    await store.close()
  },

  'after close every verb throws StoreUnavailableError': async ({
    store,
    clock,
    create,
    newRecord,
  }) => {
    const record = await create({ principal: 'ada' })
    const now = clock.now()
    await store.close()
    const verbs = {
      create: () => store.create(newRecord()),
      load: () => store.load([record.id], now),
      save: () => store.save(record, 1, now),
      touch: () => store.touch(record.id, 1, now, record.idleTimeout, now),
      delete: () => store.delete(record.id),
      sweep: () => store.sweep(now, 10),
      list: () => store.list({ principal: 'ada', limit: 10 }, now),
      scan: () => store.scan({ limit: 10 }, now),
      deleteAll: () => store.deleteAll({ principal: 'ada' }),
    }
    for (const [name, verb] of Object.entries(verbs)) await assertUnavailable(name, verb)
  },

  'after close of a store that was never used every verb throws too': async ({
    store,
    clock,
    newRecord,
  }) => {
    await store.close()
    await assertUnavailable('create', () => store.create(newRecord()))
    await assertUnavailable('load', () => store.load([], clock.now()))
    await assertUnavailable('load', () => store.load([newRecord().id], clock.now()))
  },

  'close finishes the writes that were accepted before it': async ({
    store,
    another,
    clock,
    create,
    newRecord,
  }) => {
    const other = await another()
    const saved = await create()
    const deleted = await create()
    const created = newRecord()
    const [createOutcome, saveOutcome, deleteOutcome] = await Promise.all([
      store.create(created),
      store.save({ ...saved, data: 'new' }, 1, clock.now()),
      store.delete(deleted.id),
      store.close(),
    ])
    assert.equal(createOutcome, 'created')
    assert.equal(saveOutcome, 'saved')
    assert.equal(deleteOutcome, 'deleted')
    if (other === store) return
    assertSameRecord(await findIn(other, created.id, clock.now()), created)
    const expected = { ...saved, data: 'new', version: 2 }
    assertSameRecord(await findIn(other, saved.id, clock.now()), expected)
    assert.equal(await findIn(other, deleted.id, clock.now()), undefined)
  },

  'close of one store leaves another on the same database open': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const record = await create()
    if (other === store) return
    await other.close()
    await assertUnavailable('load', () => other.load([record.id], clock.now()))
    assertSameRecord(await find(record.id), record)
    assert.equal(await store.save(record, 1, clock.now()), 'saved')
  },

  'a record outlives the store that created it': async ({ store, another, clock, newRecord }) => {
    const other = await another()
    if (other === store) return
    const record = newRecord({ principal: 'ada' })
    assert.equal(await other.create(record), 'created')
    await other.close()
    assertSameRecord(await findIn(store, record.id, clock.now()), record)
  },
}
