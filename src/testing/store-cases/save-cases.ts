import assert from 'node:assert/strict'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const saveCases: StoreCases = {
  'save replaces every field but id and createdAt, and counts the version up': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const created = await create()
    clock.advance('1m')
    const now = clock.now()
    const given = {
      id: created.id,
      secretHash: 'sha256:rotated',
      previousSecretHash: created.secretHash,
      previousSecretUntil: now,
      principal: 'ada',
      data: '{"name":"Ada"}',
      version: 1,
      createdAt: created.createdAt,
      lastSeenAt: now,
      idleTimeout: 20 * 60_000,
      absoluteExpiresAt: now + 86_400_000,
      expiresAt: now + 20 * 60_000,
      persistent: true,
      userAgent: 'Firefox',
      ip: '203.0.113.7',
    }
    assert.equal(await store.save(given, 1, now), 'saved')
    assertSameRecord(await find(created.id), { ...given, version: 2 })
  },

  'save sets fields back to null': async ({ store, clock, create, find }) => {
    const record = await create({
      previousSecretHash: 'sha256:old',
      previousSecretUntil: clock.now(),
      principal: 'ada',
      userAgent: 'Firefox',
      ip: '203.0.113.7',
      persistent: true,
    })
    const emptied = {
      ...record,
      previousSecretHash: null,
      previousSecretUntil: null,
      principal: null,
      userAgent: null,
      ip: null,
      persistent: false,
    }
    assert.equal(await store.save(emptied, 1, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...emptied, version: 2 })
  },

  'save is seen by another store on the same database': async ({
    store,
    another,
    clock,
    create,
  }) => {
    const other = await another()
    const record = await create()
    assert.equal(await store.save({ ...record, data: 'new' }, 1, clock.now()), 'saved')
    const [loaded] = await other.load([record.id], clock.now())
    assertSameRecord(loaded, { ...record, data: 'new', version: 2 })
  },

  'save takes the version from the expected one, not from the record': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    assert.equal(await store.save({ ...record, version: 77 }, 1, clock.now()), 'saved')
    assert.equal((await find(record.id))?.version, 2)
    assert.equal(await store.save({ ...record, version: 0 }, 2, clock.now()), 'saved')
    assert.equal((await find(record.id))?.version, 3)
  },

  'save keeps the createdAt of the stored record': async ({ store, clock, create, find }) => {
    const record = await create()
    const given = { ...record, createdAt: record.createdAt + 5 }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...record, version: 2 })
  },

  'save of a version that is not the stored one is a conflict and writes nothing': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    const given = { ...record, data: 'first', principal: 'ada' }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    const late = { ...record, data: 'late', principal: 'eve', secretHash: 'sha256:late' }
    for (const version of [0, 1, 3, 1000]) {
      assert.equal(await store.save(late, version, clock.now()), 'conflict')
    }
    assertSameRecord(await find(record.id), { ...given, version: 2 })
  },

  'save of an unknown id is gone and creates nothing': async ({
    store,
    clock,
    newRecord,
    find,
    idsOf,
  }) => {
    const record = newRecord({ principal: 'ada' })
    assert.equal(await store.save(record, 1, clock.now()), 'gone')
    assert.equal(await store.save(record, 0, clock.now()), 'gone')
    assert.equal(await find(record.id), undefined)
    assert.deepEqual(await idsOf('ada'), [])
    assert.equal(await store.create(record), 'created')
  },

  'save of a deleted record is gone and does not bring it back': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    assert.equal(await store.delete(record.id), 'deleted')
    assert.equal(await store.save(record, 1, clock.now()), 'gone')
    assert.equal(await find(record.id), undefined)
  },

  'save works until one millisecond before the deadline': async ({ store, create }) => {
    const record = await create()
    assert.equal(await store.save(record, 1, record.expiresAt - 1), 'saved')
  },

  'save of an expired record is gone and does not bring it back': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.set(record.expiresAt)
    const late = { ...record, lastSeenAt: clock.now(), data: 'late' }
    assert.equal(await store.save(late, 1, clock.now()), 'gone')
    assert.equal(await find(record.id), undefined)
    assertSameRecord((await store.load([record.id], record.createdAt))[0], record)
  },

  'save of an expired record is gone, not a conflict, also with another version': async ({
    store,
    create,
  }) => {
    const record = await create()
    assert.equal(await store.save(record, 7, record.expiresAt), 'gone')
    assert.equal(await store.save(record, 7, record.expiresAt - 1), 'conflict')
  },

  'save never moves lastSeenAt back': async ({ store, clock, create, find }) => {
    const record = await create()
    const earlier = record.lastSeenAt - 60_000
    const given = { ...record, lastSeenAt: earlier, expiresAt: earlier + record.idleTimeout }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...record, version: 2 })
  },

  'save computes expiresAt and ignores the one in the record': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('1m')
    const seen = { ...record, lastSeenAt: clock.now() }
    const expected = { ...seen, expiresAt: clock.now() + record.idleTimeout }
    for (const [index, expiresAt] of [0, clock.now(), 8_640_000_000_000_000].entries()) {
      const version = index + 1
      assert.equal(await store.save({ ...seen, expiresAt }, version, clock.now()), 'saved')
      assertSameRecord(await find(record.id), { ...expected, version: version + 1 })
    }
  },

  'save takes lastSeenAt from the record, not from the present': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('5m')
    assert.equal(await store.save(record, 1, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...record, version: 2 })
  },

  'save computes expiresAt from the stored lastSeenAt where that is the later one': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('5m')
    const seenAt = clock.now()
    assert.equal(await store.touch(record.id, 1, seenAt, record.idleTimeout, seenAt), true)
    assert.equal(await store.save(record, 1, seenAt), 'saved')
    const expected = { ...record, lastSeenAt: seenAt, expiresAt: seenAt + record.idleTimeout }
    assertSameRecord(await find(record.id), { ...expected, version: 2 })
  },

  'save never moves the deadline beyond absoluteExpiresAt': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({ absoluteExpiresAt: clock.now() + 12 * 60_000 })
    clock.advance('5m')
    const given = { ...record, lastSeenAt: clock.now() }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    const expected = { ...given, version: 2, expiresAt: record.absoluteExpiresAt }
    assertSameRecord(await find(record.id), expected)
  },

  'save takes a new absoluteExpiresAt, as a login sets it': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({ absoluteExpiresAt: clock.now() + 60_000 })
    const given = { ...record, absoluteExpiresAt: clock.now() + 86_400_000 }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    const expected = { ...given, version: 2, expiresAt: record.lastSeenAt + record.idleTimeout }
    assertSameRecord(await find(record.id), expected)
  },

  'save with a shorter idle timeout brings the deadline nearer': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    const given = { ...record, idleTimeout: 60_000 }
    assert.equal(await store.save(given, 1, clock.now()), 'saved')
    const expected = { ...given, version: 2, expiresAt: record.lastSeenAt + 60_000 }
    assertSameRecord(await find(record.id), expected)
    clock.advance('1m')
    assert.equal(await find(record.id), undefined)
  },

  'save may end a session, by a deadline that has passed already': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('5m')
    assert.equal(await store.save({ ...record, idleTimeout: 60_000 }, 1, clock.now()), 'saved')
    assert.equal(await find(record.id), undefined)
    assert.equal(await store.save(record, 2, clock.now()), 'gone')
  },

  'save with another principal moves the session from one list to the other': async ({
    store,
    clock,
    create,
    idsOf,
  }) => {
    const record = await create({ principal: 'ada' })
    assert.equal(await store.save({ ...record, principal: 'grace' }, 1, clock.now()), 'saved')
    assert.deepEqual(await idsOf('ada'), [])
    assert.deepEqual(await idsOf('grace'), [record.id])
    assert.equal(await store.deleteAll({ principal: 'ada' }), 0)
    assert.deepEqual(await idsOf('grace'), [record.id])

    assert.equal(await store.save({ ...record, principal: null }, 2, clock.now()), 'saved')
    assert.deepEqual(await idsOf('grace'), [])
    assert.equal(await store.deleteAll({ principal: 'grace' }), 0)
  },

  'save changes no other record': async ({ store, clock, create, find }) => {
    const others = [await create({ principal: 'ada' }), await create()]
    const record = await create({ principal: 'ada' })
    assert.equal(await store.save({ ...record, data: 'new' }, 1, clock.now()), 'saved')
    for (const other of others) assertSameRecord(await find(other.id), other)
  },
}
