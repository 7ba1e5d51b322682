import assert from 'node:assert/strict'
import { SWEEP_GRACE } from '../../core/store.ts'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

export const sweepCases: StoreCases = {
  'sweep of an empty database deletes nothing': async ({ store, clock }) => {
    assert.equal(await store.sweep(clock.now(), 100), 0)
  },

  'sweep never deletes a live record': async ({ store, create, find }) => {
    const record = await create()
    assert.equal(await store.sweep(record.expiresAt - 1, 100), 0)
    assertSameRecord(await find(record.id), record)
  },

  'sweep spares a record until it expired more than five minutes ago': async ({
    store,
    create,
    find,
  }) => {
    const record = await create()
    for (const since of [0, 1, SWEEP_GRACE - 1, SWEEP_GRACE]) {
      assert.equal(await store.sweep(record.expiresAt + since, 100), 0)
    }
    assertSameRecord(await find(record.id), record)
    assert.equal(await store.sweep(record.expiresAt + SWEEP_GRACE + 1, 100), 1)
    assert.equal(await find(record.id), undefined)
  },

  'sweep deletes for good: the id is free, and every verb finds the record gone': async ({
    store,
    create,
  }) => {
    const record = await create({ principal: 'ada' })
    const { id, createdAt, idleTimeout } = record
    assert.equal(await store.sweep(record.expiresAt + SWEEP_GRACE + 1, 100), 1)
    assert.deepEqual(await store.load([id], createdAt), [])
    assert.equal(await store.save(record, 1, createdAt), 'gone')
    assert.equal(await store.touch(id, 1, createdAt, idleTimeout, createdAt), false)
    assert.equal(await store.delete(id), 'gone')
    assert.equal(await store.deleteAll({ principal: 'ada' }), 0)
    assert.equal(await store.create(record), 'created')
  },

  'sweep deletes no more than its limit, and fewer only if none are left': async ({
    store,
    clock,
    create,
  }) => {
    for (let count = 0; count < 5; count++) await create()
    clock.advance('1h')
    const counts: number[] = []
    for (let count = 0; count < 4; count++) counts.push(await store.sweep(clock.now(), 2))
    assert.deepEqual(counts, [2, 2, 1, 0])
  },

  'sweep with a limit that is met exactly leaves nothing': async ({ store, clock, create }) => {
    for (let count = 0; count < 4; count++) await create()
    clock.advance('1h')
    assert.equal(await store.sweep(clock.now(), 4), 4)
    assert.equal(await store.sweep(clock.now(), 4), 0)
  },

  'sweep finds the expired among many live ones': async ({ store, clock, create, find }) => {
    const [live, dead] = [[], []] as [string[], string[]]
    for (let count = 0; count < 30; count++) {
      const short = count % 3 === 0
      const { id } = await create({ idleTimeout: short ? 60_000 : 3_600_000 })
      ;(short ? dead : live).push(id)
    }
    const createdAt = clock.now()
    clock.advance('10m')
    assert.equal(await store.sweep(clock.now(), 7), 7)
    assert.equal(await store.sweep(clock.now(), 7), 3)
    for (const id of live) assert.notEqual(await find(id), undefined)
    for (const id of dead) assert.deepEqual(await store.load([id], createdAt), [])
  },

  'sweep goes by the deadline that a touch has moved': async ({ store, clock, create, find }) => {
    const { id, idleTimeout } = await create()
    clock.advance('9m')
    const touchedAt = clock.now()
    assert.equal(await store.touch(id, 1, touchedAt, idleTimeout, touchedAt), true)
    clock.set(touchedAt + idleTimeout - 1)
    assert.equal(await store.sweep(clock.now(), 100), 0)
    assert.notEqual(await find(id), undefined)
    clock.set(touchedAt + idleTimeout + SWEEP_GRACE)
    assert.equal(await store.sweep(clock.now(), 100), 0)
    assert.equal(await store.sweep(clock.now() + 1, 100), 1)
  },

  'sweep goes by the deadline that a save has moved': async ({ store, clock, create }) => {
    const longer = await create()
    const shorter = await create()
    const savedAt = clock.now()
    assert.equal(await store.save({ ...longer, idleTimeout: 3_600_000 }, 1, savedAt), 'saved')
    assert.equal(await store.save({ ...shorter, idleTimeout: 60_000 }, 1, savedAt), 'saved')
    assert.equal(await store.sweep(savedAt + 60_000 + SWEEP_GRACE, 100), 0)
    assert.equal(await store.sweep(savedAt + 60_000 + SWEEP_GRACE + 1, 100), 1)
    assert.deepEqual(
      (await store.load([longer.id, shorter.id], savedAt)).map(({ id }) => id),
      [longer.id],
    )
  },

  'sweep heeds the absolute deadline': async ({ store, clock, create }) => {
    const absoluteExpiresAt = clock.now() + 60_000
    await create({ absoluteExpiresAt, idleTimeout: 3_600_000 })
    assert.equal(await store.sweep(absoluteExpiresAt + SWEEP_GRACE, 100), 0)
    assert.equal(await store.sweep(absoluteExpiresAt + SWEEP_GRACE + 1, 100), 1)
  },

  'sweep leaves the live sessions of a principal in its list and its limit': async ({
    store,
    clock,
    create,
    newRecord,
    idsOf,
  }) => {
    await create({ principal: 'ada', idleTimeout: 60_000 })
    const kept = await create({ principal: 'ada', idleTimeout: 3_600_000 })
    clock.advance('10m')
    assert.equal(await store.sweep(clock.now(), 100), 1)
    assert.deepEqual(await idsOf('ada'), [kept.id])
    const limit = { max: 1, onExceed: 'reject' } as const
    assert.equal(await store.create(newRecord({ principal: 'ada' }), limit), 'limit')
  },

  'sweeps at once count every record once': async ({ store, another, clock, newRecord }) => {
    const other = await another()
    await Promise.all(Array.from({ length: 40 }, () => store.create(newRecord())))
    clock.advance('1h')
    const now = clock.now()
    const counts = await Promise.all([
      store.sweep(now, 100),
      other.sweep(now, 100),
      store.sweep(now, 100),
      other.sweep(now, 100),
    ])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      40,
    )
    assert.equal(await store.sweep(now, 100), 0)
  },
}
