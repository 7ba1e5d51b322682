import assert from 'node:assert/strict'
import { SWEEP_GRACE } from '../../core/store.ts'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const createCases: StoreCases = {
  'create answers "created", and the record is there at once': async ({
    store,
    newRecord,
    find,
  }) => {
    const record = newRecord()
    assert.equal(await find(record.id), undefined)
    assert.equal(await store.create(record), 'created')
    assertSameRecord(await find(record.id), record)
  },

  'create is seen by another store on the same database': async ({ another, clock, create }) => {
    const other = await another()
    const record = await create()
    assertSameRecord((await other.load([record.id], clock.now()))[0], record)
  },

  'create keeps records apart that differ in nothing but the id': async ({
    store,
    newRecord,
    find,
  }) => {
    const first = newRecord()
    const second = { ...newRecord(), id: first.id.replace(/.$/, 'f') }
    assert.equal(await store.create(first), 'created')
    assert.equal(await store.create(second), 'created')
    assertSameRecord(await find(first.id), first)
    assertSameRecord(await find(second.id), second)
  },

  'create never overwrites a live record': async ({ store, create, newRecord, find }) => {
    const record = await create({ principal: 'ada' })
    assert.equal(await store.create(newRecord({ id: record.id, data: 'other' })), 'taken')
    assertSameRecord(await find(record.id), record)
  },

  'create never overwrites an expired record': async ({ store, clock, create, newRecord }) => {
    const record = await create()
    const before = clock.now()
    clock.advance('1h')
    assert.equal(await store.create(newRecord({ id: record.id, data: 'other' })), 'taken')
    assert.deepEqual(await store.load([record.id], clock.now()), [])
    assertSameRecord((await store.load([record.id], before))[0], record)
  },

  'create never overwrites a record that waits to be swept': async ({
    store,
    clock,
    create,
    newRecord,
    find,
  }) => {
    const record = await create()
    clock.set(record.expiresAt + SWEEP_GRACE + 1)
    assert.equal(await store.create(newRecord({ id: record.id })), 'taken')
    assert.equal(await store.sweep(clock.now(), 10), 1)
    const next = newRecord({ id: record.id })
    assert.equal(await store.create(next), 'created')
    assertSameRecord(await find(record.id), next)
  },

  'create takes an id again that was deleted': async ({ store, create, newRecord, find }) => {
    const { id } = await create({ data: 'old', principal: 'ada' })
    assert.equal(await store.delete(id), 'deleted')
    const next = newRecord({ id, data: 'new' })
    assert.equal(await store.create(next), 'created')
    assertSameRecord(await find(id), next)
  },

  'of many creates of one id at once exactly one is "created"': async ({
    store,
    another,
    newRecord,
    find,
  }) => {
    const other = await another()
    const { id } = newRecord()
    const records = Array.from({ length: 10 }, () => newRecord({ id }))
    const outcomes = await Promise.all(
      records.map((record, index) => (index % 2 === 0 ? store : other).create(record)),
    )
    assert.deepEqual(
      outcomes.toSorted(),
      records.map((_, index) => (index === 0 ? 'created' : 'taken')),
    )
    const winner = records[outcomes.indexOf('created')]
    assert.ok(winner !== undefined)
    assertSameRecord(await find(id), winner)
  },

  'many creates at once are all kept': async ({ store, clock, newRecord }) => {
    const records = Array.from({ length: 50 }, () => newRecord())
    const outcomes = await Promise.all(records.map((record) => store.create(record)))
    assert.deepEqual(new Set(outcomes), new Set(['created']))
    for (const record of records) {
      assertSameRecord((await store.load([record.id], clock.now()))[0], record)
    }
  },
}
