import assert from 'node:assert/strict'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const touchCases: StoreCases = {
  'touch moves lastSeenAt and expiresAt, and nothing else': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({
      principal: 'ada',
      data: Uint8Array.of(0, 1, 255),
      persistent: true,
      previousSecretHash: 'sha256:old',
      previousSecretUntil: clock.now(),
      userAgent: 'Firefox',
      ip: '203.0.113.7',
    })
    clock.advance('5m')
    const now = clock.now()
    assert.equal(await store.touch(record.id, 1, now, record.idleTimeout, now), true)
    const expected = { ...record, lastSeenAt: now, expiresAt: now + record.idleTimeout }
    assertSameRecord(await find(record.id), expected)
  },

  'touch leaves the version alone, so that a save after it still fits': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('5m')
    assert.equal(
      await store.touch(record.id, 1, clock.now(), record.idleTimeout, clock.now()),
      true,
    )
    assert.equal(await store.save({ ...record, data: 'new' }, 1, clock.now()), 'saved')
    assert.equal((await find(record.id))?.data, 'new')
  },

  'touch keeps a session alive beyond its first deadline': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const { id, idleTimeout } = await create()
    for (let count = 0; count < 5; count++) {
      clock.advance('9m')
      assert.equal(await store.touch(id, 1, clock.now(), idleTimeout, clock.now()), true)
    }
    assert.notEqual(await find(id), undefined)
    clock.advance('10m')
    assert.equal(await find(id), undefined)
  },

  'touch never moves lastSeenAt or expiresAt back': async ({ store, clock, create, find }) => {
    const record = await create()
    const earlier = record.lastSeenAt - 120_000
    assert.equal(await store.touch(record.id, 1, earlier, record.idleTimeout, clock.now()), true)
    assertSameRecord(await find(record.id), record)
  },

  'touches at once, in any order, end at the latest time': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const record = await create()
    clock.advance('5m')
    const now = clock.now()
    const outcomes = await Promise.all(
      [3, 0, 4, 1, 5, 2].map((minutes, index) =>
        (index % 2 === 0 ? store : other).touch(
          record.id,
          1,
          record.lastSeenAt + minutes * 60_000,
          record.idleTimeout,
          now,
        ),
      ),
    )
    assert.deepEqual(new Set(outcomes), new Set([true]))
    const expected = { ...record, lastSeenAt: now, expiresAt: now + record.idleTimeout }
    assertSameRecord(await find(record.id), expected)
  },

  'touch stores a longer idle timeout and moves the deadline by it': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('1m')
    const now = clock.now()
    assert.equal(await store.touch(record.id, 1, now, 3_600_000, now), true)
    const moved = { lastSeenAt: now, idleTimeout: 3_600_000, expiresAt: now + 3_600_000 }
    assertSameRecord(await find(record.id), { ...record, ...moved })
  },

  'touch stores a shorter idle timeout, but never brings the deadline nearer': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('1m')
    const now = clock.now()
    assert.equal(await store.touch(record.id, 1, now, 60_000, now), true)
    assertSameRecord(await find(record.id), { ...record, lastSeenAt: now, idleTimeout: 60_000 })

    const later = now + 9 * 60_000 - 1
    assert.equal(await store.touch(record.id, 1, later, 60_000, later), true)
    assert.equal((await store.load([record.id], later))[0]?.expiresAt, later + 60_000)
  },

  'touch counts a longer idle timeout from the stored lastSeenAt where that is later': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    const earlier = record.lastSeenAt - 60_000
    assert.equal(await store.touch(record.id, 1, earlier, 3_600_000, clock.now()), true)
    const moved = { idleTimeout: 3_600_000, expiresAt: record.lastSeenAt + 3_600_000 }
    assertSameRecord(await find(record.id), { ...record, ...moved })
  },

  'touch never moves the deadline beyond absoluteExpiresAt': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({ absoluteExpiresAt: clock.now() + 12 * 60_000 })
    clock.advance('5m')
    const now = clock.now()
    assert.equal(await store.touch(record.id, 1, now, 3_600_000, now), true)
    const moved = { lastSeenAt: now, idleTimeout: 3_600_000, expiresAt: record.absoluteExpiresAt }
    assertSameRecord(await find(record.id), { ...record, ...moved })
  },

  'touch does nothing to another version, and answers true, because the session lives': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    assert.equal(await store.save(record, 1, clock.now()), 'saved')
    clock.advance('5m')
    for (const version of [0, 1, 3]) {
      const now = clock.now()
      assert.equal(await store.touch(record.id, version, now, 3_600_000, now), true)
    }
    assertSameRecord(await find(record.id), { ...record, version: 2 })
  },

  'touch of an unknown id is false and creates nothing': async ({
    store,
    clock,
    newRecord,
    find,
  }) => {
    const { id, idleTimeout } = newRecord()
    assert.equal(await store.touch(id, 1, clock.now(), idleTimeout, clock.now()), false)
    assert.equal(await find(id), undefined)
  },

  'touch of a deleted record is false and does not bring it back': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const { id, idleTimeout } = await create()
    assert.equal(await store.delete(id), 'deleted')
    assert.equal(await store.touch(id, 1, clock.now(), idleTimeout, clock.now()), false)
    assert.equal(await find(id), undefined)
  },

  'touch works until one millisecond before the deadline': async ({ store, create }) => {
    const { id, expiresAt, idleTimeout } = await create()
    assert.equal(await store.touch(id, 1, expiresAt - 1, idleTimeout, expiresAt - 1), true)
    assert.equal((await store.load([id], expiresAt)).length, 1)
  },

  'touch of an expired record is false and does not bring it back': async ({ store, create }) => {
    const record = await create()
    const { id, expiresAt, idleTimeout } = record
    assert.equal(await store.touch(id, 1, expiresAt, idleTimeout, expiresAt), false)
    assert.equal(await store.touch(id, 7, expiresAt, idleTimeout, expiresAt), false)
    assert.deepEqual(await store.load([id], expiresAt), [])
    assertSameRecord((await store.load([id], expiresAt - 1))[0], record)
  },

  'touch changes no other record': async ({ store, clock, create, find }) => {
    const others = [await create({ principal: 'ada' }), await create()]
    const { id } = await create({ principal: 'ada' })
    clock.advance('1m')
    assert.equal(await store.touch(id, 1, clock.now(), 3_600_000, clock.now()), true)
    for (const other of others) assertSameRecord(await find(other.id), other)
  },
}
