import assert from 'node:assert/strict'
import type { PrincipalLimit } from '../../core/store.ts'
import type { StoreCaseContext, StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

const evictAbove = (max: number): PrincipalLimit => ({ max, onExceed: 'evict-oldest' })
const rejectAbove = (max: number): PrincipalLimit => ({ max, onExceed: 'reject' })

/** Creates a session of `principal` for each number: the minutes after which it was last seen. */
async function createSeen(
  { clock, store, create }: StoreCaseContext,
  principal: string,
  minutes: readonly number[],
): Promise<string[]> {
  const begin = clock.now()
  const ids: string[] = []
  for (const count of minutes) {
    const { id, idleTimeout } = await create({ principal })
    const seenAt = begin + count * 60_000
    assert.equal(await store.touch(id, 1, seenAt, idleTimeout, begin), true)
    ids.push(id)
  }
  clock.set(begin + 5 * 60_000)
  return ids
}

function sortedWithout(ids: readonly string[], ...absent: (string | undefined)[]): string[] {
  return ids.filter((id) => !absent.includes(id)).toSorted()
}

export const limitCases: StoreCases = {
  'create below the limit is created and evicts nothing': async ({ store, newRecord, idsOf }) => {
    for (const limit of [rejectAbove(2), evictAbove(2)]) {
      const principal = limit.onExceed
      assert.equal(await store.create(newRecord({ principal }), limit), 'created')
      assert.equal(await store.create(newRecord({ principal }), limit), 'created')
      assert.equal((await idsOf(principal)).length, 2)
    }
  },

  'create above a rejecting limit is refused and writes nothing': async (context) => {
    const { store, newRecord, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const record = newRecord({ principal: 'ada' })
    assert.equal(await store.create(record, rejectAbove(2)), 'limit')
    assert.equal(await find(record.id), undefined)
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
    assert.equal(await store.create(record), 'created')
  },

  'create above an evicting limit ends the session that was seen longest ago': async (context) => {
    const { store, newRecord, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [2, 0, 1])
    const record = newRecord({ principal: 'ada' })
    assert.equal(await store.create(record, evictAbove(3)), 'created')
    assertSameRecord(await find(record.id), record)
    assert.deepEqual((await idsOf('ada')).toSorted(), sortedWithout([...ids, record.id], ids[1]))
    const next = newRecord({ principal: 'ada' })
    assert.equal(await store.create(next, evictAbove(3)), 'created')
    assert.deepEqual(
      (await idsOf('ada')).toSorted(),
      sortedWithout([...ids, record.id, next.id], ids[1], ids[2]),
    )
  },

  'create never evicts the session it creates, even if that was seen longest ago': async (
    context,
  ) => {
    const { store, clock, newRecord, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [4, 3])
    const record = newRecord({ principal: 'ada', lastSeenAt: clock.now() - 5 * 60_000 })
    assert.equal(await store.create(record, evictAbove(2)), 'created')
    assertSameRecord(await find(record.id), record)
    assert.deepEqual((await idsOf('ada')).toSorted(), sortedWithout([...ids, record.id], ids[1]))
  },

  'an evicted session is gone, and no late save or touch brings it back': async (context) => {
    const { store, clock, create, newRecord, find } = context
    const record = await create({ principal: 'ada' })
    assert.equal(await store.create(newRecord({ principal: 'ada' }), evictAbove(1)), 'created')
    assert.equal(await store.save(record, 1, clock.now()), 'gone')
    assert.equal(
      await store.touch(record.id, 1, clock.now(), record.idleTimeout, clock.now()),
      false,
    )
    assert.equal(await store.delete(record.id), 'gone')
    assert.equal(await find(record.id), undefined)
  },

  'a limit that was lowered ends as many sessions as are too many': async (context) => {
    const { store, newRecord, idsOf } = context
    const ids = await createSeen(context, 'ada', [3, 1, 0, 2])
    const record = newRecord({ principal: 'ada' })
    assert.equal(await store.create(record, rejectAbove(2)), 'limit')
    assert.equal(await store.create(record, evictAbove(2)), 'created')
    assert.deepEqual(await idsOf('ada'), [record.id, ids[0]])
  },

  'expired sessions do not count against a limit': async ({ store, clock, create, newRecord }) => {
    await create({ principal: 'ada', idleTimeout: 60_000 })
    await create({ principal: 'ada', idleTimeout: 60_000 })
    clock.advance('1m')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), rejectAbove(1)), 'created')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), rejectAbove(1)), 'limit')
  },

  'an expired session is not evicted in the place of a live one': async (context) => {
    const { store, clock, create, newRecord, idsOf } = context
    await create({ principal: 'ada', idleTimeout: 60_000 })
    clock.advance('1m')
    const older = await create({ principal: 'ada' })
    clock.advance('1m')
    const newer = await create({ principal: 'ada' })
    const record = newRecord({ principal: 'ada' })
    assert.equal(await store.create(record, evictAbove(2)), 'created')
    assert.deepEqual(await idsOf('ada'), [record.id, newer.id])
    assert.equal(await store.delete(older.id), 'gone')
  },

  'a limit counts the sessions of one principal only': async (context) => {
    const { store, create, newRecord, idsOf } = context
    const others = ['grace', 'Ada', 'ada ', 'adá', 'ad%', '']
    for (const principal of [...others, null]) await create({ principal })
    assert.equal(await store.create(newRecord({ principal: 'ada' }), rejectAbove(1)), 'created')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), evictAbove(1)), 'created')
    for (const principal of [...others, 'ada']) assert.equal((await idsOf(principal)).length, 1)
  },

  'a limit does not concern anonymous sessions': async ({ store, clock, newRecord, find }) => {
    const first = newRecord()
    for (const limit of [rejectAbove(1), evictAbove(1)]) {
      await store.create(first, limit)
      const record = newRecord()
      assert.equal(await store.create(record, limit), 'created')
      assert.equal(await store.save(record, 1, clock.now(), limit), 'saved')
    }
    assertSameRecord(await find(first.id), first)
  },

  'create of a taken id is "taken", also at the limit, and evicts nothing': async (context) => {
    const { store, create, newRecord, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const { id } = await create({ principal: 'grace' })
    const record = newRecord({ id, principal: 'ada' })
    assert.equal(await store.create(record, rejectAbove(2)), 'taken')
    assert.equal(await store.create(record, evictAbove(2)), 'taken')
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
  },

  'save as a login below the limit is saved and evicts nothing': async (context) => {
    const { store, clock, create, idsOf } = context
    const ids = await createSeen(context, 'ada', [0])
    const record = await create()
    const login = { ...record, principal: 'ada' }
    assert.equal(await store.save(login, 1, clock.now(), evictAbove(2)), 'saved')
    assert.deepEqual((await idsOf('ada')).toSorted(), [...ids, record.id])
  },

  'save as a login above a rejecting limit is refused and writes nothing': async (context) => {
    const { store, clock, create, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const record = await create()
    const login = { ...record, principal: 'ada', secretHash: 'sha256:rotated', data: 'new' }
    assert.equal(await store.save(login, 1, clock.now(), rejectAbove(2)), 'limit')
    assertSameRecord(await find(record.id), record)
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
  },

  'save as a login above an evicting limit ends the session seen longest ago': async (context) => {
    const { store, clock, create, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [2, 0, 1])
    const record = await create()
    const login = { ...record, principal: 'ada' }
    assert.equal(await store.save(login, 1, clock.now(), evictAbove(3)), 'saved')
    assertSameRecord(await find(record.id), { ...login, version: 2 })
    assert.deepEqual((await idsOf('ada')).toSorted(), sortedWithout([...ids, record.id], ids[1]))
  },

  'save never evicts the session it saves, even if that was seen longest ago': async (context) => {
    const { store, clock, create, find, idsOf } = context
    const record = await create()
    clock.advance('1m')
    const ids = await createSeen(context, 'ada', [1, 0])
    const login = { ...record, principal: 'ada' }
    assert.equal(await store.save(login, 1, clock.now(), evictAbove(2)), 'saved')
    assertSameRecord(await find(record.id), { ...login, version: 2 })
    assert.deepEqual((await idsOf('ada')).toSorted(), [record.id, ids[0]])
  },

  'save counts the other sessions only: one that is there already is not one more': async (
    context,
  ) => {
    const { store, clock, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const record = await find(ids[0] ?? '')
    assert.ok(record !== undefined)
    assert.equal(await store.save(record, 1, clock.now(), rejectAbove(2)), 'saved')
    assert.equal(await store.save(record, 2, clock.now(), evictAbove(2)), 'saved')
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
  },

  'save without a limit heeds none': async (context) => {
    const { store, clock, create, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const record = await create()
    assert.equal(
      await store.create(context.newRecord({ principal: 'ada' }), evictAbove(3)),
      'created',
    )
    assert.equal(await store.save({ ...record, principal: 'ada' }, 1, clock.now()), 'saved')
    assert.equal((await idsOf('ada')).length, ids.length + 2)
  },

  'save counts no expired session': async ({ store, clock, create }) => {
    await create({ principal: 'ada', idleTimeout: 60_000 })
    const record = await create()
    clock.advance('1m')
    const login = { ...record, principal: 'ada' }
    assert.equal(await store.save(login, 1, clock.now(), rejectAbove(1)), 'saved')
  },

  'save that is a conflict is a conflict, also at the limit, and evicts nothing': async (
    context,
  ) => {
    const { store, clock, create, find, idsOf } = context
    const ids = await createSeen(context, 'ada', [0, 1])
    const record = await create()
    const login = { ...record, principal: 'ada' }
    for (const limit of [rejectAbove(2), evictAbove(2)]) {
      assert.equal(await store.save(login, 7, clock.now(), limit), 'conflict')
    }
    assertSameRecord(await find(record.id), record)
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
  },

  'save of a session that is gone is gone, also at the limit, and evicts nothing': async (
    context,
  ) => {
    const { store, clock, create, newRecord, idsOf } = context
    const expired = await create({ idleTimeout: 60_000 })
    const ids = await createSeen(context, 'ada', [0, 1])
    for (const record of [expired, newRecord()]) {
      const login = { ...record, principal: 'ada' }
      for (const limit of [rejectAbove(2), evictAbove(2)]) {
        assert.equal(await store.save(login, 1, clock.now(), limit), 'gone')
      }
    }
    assert.deepEqual((await idsOf('ada')).toSorted(), ids)
  },

  'a session that was deleted, or moved to another principal, makes room': async (context) => {
    const { store, clock, create, newRecord } = context
    const record = await create({ principal: 'ada' })
    assert.equal(await store.save({ ...record, principal: 'grace' }, 1, clock.now()), 'saved')
    const second = newRecord({ principal: 'ada' })
    assert.equal(await store.create(second, rejectAbove(1)), 'created')
    assert.equal(await store.delete(second.id), 'deleted')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), rejectAbove(1)), 'created')
    assert.equal(await store.deleteAll({ principal: 'ada' }), 1)
    assert.equal(await store.create(newRecord({ principal: 'ada' }), rejectAbove(1)), 'created')
  },
}
