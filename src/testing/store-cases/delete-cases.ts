import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const deleteCases: StoreCases = {
  'delete answers "deleted", and the record is gone at once': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const { id } = await create()
    assert.equal(await store.delete(id), 'deleted')
    assert.equal(await find(id), undefined)
    assert.deepEqual(await other.load([id], clock.now()), [])
  },

  'delete of an unknown id is gone': async ({ store, newRecord }) => {
    const { id } = newRecord()
    assert.equal(await store.delete(id), 'gone')
    assert.equal(await store.delete(id, { expectedVersion: 1 }), 'gone')
    assert.equal(await store.delete(id, { principal: 'ada' }), 'gone')
  },

  'delete of a deleted record is gone': async ({ store, create }) => {
    const { id } = await create()
    assert.equal(await store.delete(id), 'deleted')
    assert.equal(await store.delete(id), 'gone')
  },

  'delete ends an expired record too': async ({ store, clock, create, newRecord }) => {
    const { id } = await create()
    clock.advance('1h')
    assert.equal(await store.delete(id), 'deleted')
    assert.equal(await store.create(newRecord({ id })), 'created')
  },

  'delete of the expected version is done': async ({ store, clock, create, find }) => {
    const record = await create()
    assert.equal(await store.save(record, 1, clock.now()), 'saved')
    assert.equal(await store.delete(record.id, { expectedVersion: 2 }), 'deleted')
    assert.equal(await find(record.id), undefined)
  },

  'delete of another version is a conflict and deletes nothing': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    assert.equal(await store.save(record, 1, clock.now()), 'saved')
    for (const expectedVersion of [0, 1, 3]) {
      assert.equal(await store.delete(record.id, { expectedVersion }), 'conflict')
    }
    assertSameRecord(await find(record.id), { ...record, version: 2 })
  },

  'delete for the right principal is done': async ({ store, create, find }) => {
    const { id } = await create({ principal: 'ada' })
    assert.equal(await store.delete(id, { principal: 'ada' }), 'deleted')
    assert.equal(await find(id), undefined)
  },

  'delete for another principal is gone and deletes nothing': async ({ store, create, find }) => {
    const record = await create({ principal: 'ada' })
    for (const principal of ['eve', 'Ada', 'ada ', ' ada', 'ad', 'ada%', '']) {
      assert.equal(await store.delete(record.id, { principal }), 'gone')
    }
    assertSameRecord(await find(record.id), record)
  },

  'delete for a principal never ends an anonymous session': async ({ store, create, find }) => {
    const record = await create({ principal: null })
    for (const principal of ['ada', '', 'null', 'undefined']) {
      assert.equal(await store.delete(record.id, { principal }), 'gone')
    }
    assertSameRecord(await find(record.id), record)
  },

  'delete with both conditions needs both': async ({ store, create, find }) => {
    const record = await create({ principal: 'ada' })
    const [right, wrong] = [1, 2]
    assert.equal(
      await store.delete(record.id, { principal: 'ada', expectedVersion: wrong }),
      'conflict',
    )
    assert.equal(
      await store.delete(record.id, { principal: 'eve', expectedVersion: right }),
      'gone',
    )
    assertSameRecord(await find(record.id), record)
    assert.equal(
      await store.delete(record.id, { principal: 'ada', expectedVersion: right }),
      'deleted',
    )
    assert.equal(await find(record.id), undefined)
  },

  'delete tells another principal nothing about the version': async ({ store, create, find }) => {
    const record = await create({ principal: 'ada' })
    assert.equal(await store.delete(record.id, { principal: 'eve', expectedVersion: 2 }), 'gone')
    assertSameRecord(await find(record.id), record)
  },

  'delete follows a principal that a save has changed': async ({ store, clock, create, find }) => {
    const record = await create({ principal: 'ada' })
    assert.equal(await store.save({ ...record, principal: 'grace' }, 1, clock.now()), 'saved')
    assert.equal(await store.delete(record.id, { principal: 'ada' }), 'gone')
    assert.equal(await store.delete(record.id, { principal: 'grace' }), 'deleted')
    assert.equal(await find(record.id), undefined)
  },

  'delete ends no other session': async ({ store, create, find, idsOf }) => {
    const anonymous = await create()
    const same = await create({ principal: 'ada' })
    const { id } = await create({ principal: 'ada' })
    assert.equal(await store.delete(id), 'deleted')
    assertSameRecord(await find(anonymous.id), anonymous)
    assertSameRecord(await find(same.id), same)
    assert.deepEqual(await idsOf('ada'), [same.id])
  },

  'deleteAll ends every session of a principal and tells how many': async ({
    store,
    create,
    find,
    idsOf,
  }) => {
    const records = [await create({ principal: 'ada' }), await create({ principal: 'ada' })]
    assert.equal(await store.deleteAll({ principal: 'ada' }), 2)
    for (const { id } of records) assert.equal(await find(id), undefined)
    assert.deepEqual(await idsOf('ada'), [])
    assert.equal(await store.deleteAll({ principal: 'ada' }), 0)
  },

  'deleteAll ends no session of another principal and no anonymous one': async ({
    store,
    create,
    find,
  }) => {
    await create({ principal: 'ada' })
    const principals = ['grace', 'Ada', 'ada ', 'ada%', 'adá', 'ad', '', null]
    const others: SessionRecord[] = []
    for (const principal of principals) others.push(await create({ principal }))
    assert.equal(await store.deleteAll({ principal: 'ada' }), 1)
    for (const other of others) assertSameRecord(await find(other.id), other)
  },

  'deleteAll takes wildcards in a principal literally': async ({ store, create, find }) => {
    const record = await create({ principal: 'ada' })
    for (const principal of ['%', '_da', 'a*', '*', '.*', '[a]da', "' OR '1'='1"]) {
      assert.equal(await store.deleteAll({ principal }), 0)
    }
    assertSameRecord(await find(record.id), record)
  },

  'deleteAll spares the session that is excepted': async ({ store, create, find, idsOf }) => {
    await create({ principal: 'ada' })
    const kept = await create({ principal: 'ada' })
    await create({ principal: 'ada' })
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: kept.id }), 2)
    assertSameRecord(await find(kept.id), kept)
    assert.deepEqual(await idsOf('ada'), [kept.id])
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: kept.id }), 0)
  },

  'deleteAll is not misled by an exceptId that is unknown or of someone else': async ({
    store,
    create,
    newRecord,
    find,
    idsOf,
  }) => {
    const other = await create({ principal: 'grace' })
    await create({ principal: 'ada' })
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: other.id }), 1)
    await create({ principal: 'ada' })
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: newRecord().id }), 1)
    assert.deepEqual(await idsOf('ada'), [])
    assertSameRecord(await find(other.id), other)
  },

  'deleteAll deletes expired sessions too, because another clock may hold them live': async ({
    store,
    clock,
    create,
    newRecord,
  }) => {
    const expired = await create({ principal: 'ada', idleTimeout: 60_000 })
    clock.advance('5m')
    await create({ principal: 'ada' })
    assert.equal(await store.deleteAll({ principal: 'ada' }), 2)
    assert.deepEqual(await store.load([expired.id], expired.createdAt), [])
    assert.equal(await store.create(newRecord({ id: expired.id })), 'created')
  },

  'deleteAll ends more sessions than fit one page': async ({ store, newRecord, find, idsOf }) => {
    const records = Array.from({ length: 120 }, () => newRecord({ principal: 'ada' }))
    await Promise.all(records.map((record) => store.create(record)))
    const kept = records[60]
    assert.ok(kept !== undefined)
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: kept.id }), 119)
    assert.deepEqual(await idsOf('ada'), [kept.id])
    assertSameRecord(await find(kept.id), kept)
  },
}
