import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord, findIn } from '../store-case.ts'

function count<T>(values: readonly T[], value: T): number {
  return values.filter((each) => each === value).length
}

export const raceCases: StoreCases = {
  'of two saves of one version at once exactly one is saved': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const record = await create()
    const [first, second] = [
      { ...record, data: 'first', secretHash: 'sha256:first' },
      { ...record, data: 'second', secretHash: 'sha256:second' },
    ]
    const outcomes = await Promise.all([
      store.save(first, 1, clock.now()),
      other.save(second, 1, clock.now()),
    ])
    assert.deepEqual(outcomes.toSorted(), ['conflict', 'saved'])
    const winner = outcomes[0] === 'saved' ? first : second
    assertSameRecord(await find(record.id), { ...winner, version: 2 })
  },

  'of many saves of one version at once exactly one is saved': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const record = await create()
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store : other).save(
          { ...record, data: `writer ${index}` },
          1,
          clock.now(),
        ),
      ),
    )
    assert.equal(count(outcomes, 'saved'), 1)
    assert.equal(count(outcomes, 'conflict'), 19)
    const data = `writer ${outcomes.indexOf('saved')}`
    assertSameRecord(await find(record.id), { ...record, data, version: 2 })
  },

  'writers that load again after a conflict lose no write': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    const { id } = await create({ data: '0' })
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const writer = index % 2 === 0 ? store : other
        for (let attempt = 0; attempt < 200; attempt++) {
          const loaded = await findIn(writer, id, clock.now())
          assert.ok(loaded !== undefined)
          const next = { ...loaded, data: String(Number(loaded.data) + 1) }
          const outcome = await writer.save(next, loaded.version, clock.now())
          if (outcome === 'saved') return
          assert.equal(outcome, 'conflict')
        }
        assert.fail('a writer was not saved within 200 attempts')
      }),
    )
    const record = await find(id)
    assert.equal(record?.data, '10')
    assert.equal(record?.version, 11)
  },

  'saves of one session at once count the version up once each': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((version) => store.save(record, version, clock.now())),
    )
    assert.ok(outcomes.includes('saved'))
    assert.equal((await find(record.id))?.version, 1 + count(outcomes, 'saved'))
  },

  'verbs on many sessions at once each get the outcome of their own': async ({
    store,
    clock,
    create,
    newRecord,
    find,
  }) => {
    const records: SessionRecord[] = []
    for (let index = 0; index < 24; index++) {
      records.push(index % 4 === 2 ? newRecord() : await create())
    }
    clock.advance('1m')
    const now = clock.now()
    const outcomes = await Promise.all(
      records.map((record, index) => {
        if (index % 4 === 3) return store.touch(record.id, 1, now, record.idleTimeout, now)
        return store.save({ ...record, data: `new ${index}` }, index % 4 === 1 ? 9 : 1, now)
      }),
    )
    for (const [index, record] of records.entries()) {
      assert.equal(outcomes[index], ['saved', 'conflict', 'gone', true][index % 4])
      const seen = { ...record, lastSeenAt: now, expiresAt: now + record.idleTimeout }
      const stored = [{ ...record, data: `new ${index}`, version: 2 }, record, undefined, seen]
      const expected = stored[index % 4]
      if (expected === undefined) assert.equal(await find(record.id), undefined)
      else assertSameRecord(await find(record.id), expected)
    }
  },

  'a load during a save sees all of it or nothing of it': async ({
    store,
    another,
    clock,
    create,
  }) => {
    const other = await another()
    const record = await create({ data: 'data 1', secretHash: 'sha256:1' })
    const assertWhole = async () => {
      for (let reads = 0; reads < 20; reads++) {
        const loaded = await findIn(other, record.id, clock.now())
        assert.equal(loaded?.data, `data ${loaded?.version}`)
        assert.equal(loaded?.secretHash, `sha256:${loaded?.version}`)
      }
    }
    for (let version = 1; version <= 5; version++) {
      const next = `${version + 1}`
      const given = { ...record, data: `data ${next}`, secretHash: `sha256:${next}` }
      const [outcome] = await Promise.all([store.save(given, version, clock.now()), assertWhole()])
      assert.equal(outcome, 'saved')
    }
  },

  'a save and a touch at once both take effect': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    for (const saveFirst of [true, false]) {
      const record = await create()
      clock.advance('1m')
      const now = clock.now()
      const given = { ...record, data: 'new', lastSeenAt: now }
      const save = () => store.save(given, 1, now)
      const touch = () => other.touch(record.id, 1, now, record.idleTimeout, now)
      const outcomes = await Promise.all(saveFirst ? [save(), touch()] : [touch(), save()])
      assert.deepEqual(outcomes, saveFirst ? ['saved', true] : [true, 'saved'])
      const expected = { ...given, version: 2, expiresAt: now + record.idleTimeout }
      assertSameRecord(await find(record.id), expected)
    }
  },

  'a save and a delete at once leave no session behind': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    for (const saveFirst of [true, false, true, false]) {
      const record = await create()
      const save = () => store.save({ ...record, data: 'late' }, 1, clock.now())
      const remove = () => other.delete(record.id)
      const outcomes = await Promise.all(saveFirst ? [save(), remove()] : [remove(), save()])
      const [saved, deleted] = saveFirst ? outcomes : outcomes.toReversed()
      assert.equal(deleted, 'deleted')
      assert.ok(saved === 'saved' || saved === 'gone', `save answered ${saved}`)
      assert.equal(await find(record.id), undefined)
      assert.equal(await store.save(record, 2, clock.now()), 'gone')
    }
  },

  'a touch and a delete at once leave no session behind': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    for (const touchFirst of [true, false, true, false]) {
      const { id, idleTimeout } = await create()
      const now = clock.now() + 1
      const touch = () => store.touch(id, 1, now, idleTimeout, now)
      const remove = () => other.delete(id)
      const outcomes = await Promise.all(touchFirst ? [touch(), remove()] : [remove(), touch()])
      assert.ok(outcomes.includes('deleted'))
      assert.equal(await find(id), undefined)
      assert.equal(await store.touch(id, 1, now, idleTimeout, now), false)
    }
  },

  'of a save and a delete of the same version at once exactly one is done': async ({
    store,
    another,
    clock,
    create,
    find,
  }) => {
    const other = await another()
    for (const saveFirst of [true, false, true, false]) {
      const record = await create()
      const save = () => store.save(record, 1, clock.now())
      const remove = () => other.delete(record.id, { expectedVersion: 1 })
      const outcomes = await Promise.all(saveFirst ? [save(), remove()] : [remove(), save()])
      const [saved, deleted] = saveFirst ? outcomes : outcomes.toReversed()
      assert.deepEqual(
        [saved, deleted],
        saved === 'saved' ? ['saved', 'conflict'] : ['gone', 'deleted'],
      )
      assert.equal((await find(record.id)) !== undefined, saved === 'saved')
    }
  },

  'of many deletes of one session at once exactly one is "deleted"': async ({
    store,
    another,
    create,
  }) => {
    const other = await another()
    const { id } = await create({ principal: 'ada' })
    const outcomes = await Promise.all([
      store.delete(id),
      other.delete(id, { principal: 'ada' }),
      store.delete(id, { expectedVersion: 1 }),
      other.delete(id),
    ])
    assert.deepEqual(outcomes.toSorted(), ['deleted', 'gone', 'gone', 'gone'])
  },

  'deleteAll leaves nothing of sessions that are saved and touched at the same time': async ({
    store,
    another,
    clock,
    create,
    find,
    idsOf,
  }) => {
    const other = await another()
    const records: SessionRecord[] = []
    for (let index = 0; index < 10; index++) records.push(await create({ principal: 'ada' }))
    const now = clock.now() + 1
    const write = (record: SessionRecord, index: number) =>
      index % 2 === 0
        ? store.save({ ...record, data: 'late' }, 1, now)
        : store.touch(record.id, 1, now, record.idleTimeout, now)
    const [, deleted] = await Promise.all([
      Promise.all(records.slice(0, 5).map(write)),
      other.deleteAll({ principal: 'ada' }),
      Promise.all(records.slice(5).map(write)),
    ])
    assert.equal(deleted, 10)
    for (const { id } of records) assert.equal(await find(id), undefined)
    assert.deepEqual(await idsOf('ada'), [])
  },

  'of logins of one session as two principals at once exactly one is saved': async ({
    store,
    another,
    clock,
    create,
    idsOf,
  }) => {
    const other = await another()
    const record = await create()
    const limit = { max: 3, onExceed: 'evict-oldest' } as const
    const outcomes = await Promise.all([
      store.save({ ...record, principal: 'ada' }, 1, clock.now(), limit),
      other.save({ ...record, principal: 'grace' }, 1, clock.now(), limit),
    ])
    assert.deepEqual(outcomes.toSorted(), ['conflict', 'saved'])
    const [winner, loser] = outcomes[0] === 'saved' ? ['ada', 'grace'] : ['grace', 'ada']
    assert.deepEqual(await idsOf(winner ?? ''), [record.id])
    assert.deepEqual(await idsOf(loser ?? ''), [])
  },
}
