import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { PrincipalLimit } from '../../core/store.ts'
import type { StoreCaseContext, StoreCases } from '../store-case.ts'

/** Ten new sessions of one principal at the same moment, through two stores. */
async function createAtOnce(
  { store, another, newRecord }: StoreCaseContext,
  limit: PrincipalLimit,
): Promise<readonly string[]> {
  const other = await another()
  const records = Array.from({ length: 10 }, () => newRecord({ principal: 'ada' }))
  return Promise.all(
    records.map((record, index) => (index % 2 === 0 ? store : other).create(record, limit)),
  )
}

/** Ten anonymous sessions that log in as one principal at the same moment, through two stores. */
async function loginAtOnce(
  { store, another, clock, create }: StoreCaseContext,
  limit: PrincipalLimit,
): Promise<readonly string[]> {
  const other = await another()
  const records: SessionRecord[] = []
  for (let count = 0; count < 10; count++) records.push(await create())
  return Promise.all(
    records.map((record, index) =>
      (index % 2 === 0 ? store : other).save(
        { ...record, principal: 'ada' },
        1,
        clock.now(),
        limit,
      ),
    ),
  )
}

export const limitRaceCases: StoreCases = {
  'creates at once never exceed a rejecting limit, and fill it': async (context) => {
    const outcomes = await createAtOnce(context, { max: 3, onExceed: 'reject' })
    assert.deepEqual(outcomes.toSorted(), [
      ...Array.from({ length: 3 }, () => 'created'),
      ...Array.from({ length: 7 }, () => 'limit'),
    ])
    assert.equal((await context.idsOf('ada')).length, 3)
  },

  'creates at once never exceed an evicting limit, and are all created': async (context) => {
    const outcomes = await createAtOnce(context, { max: 3, onExceed: 'evict-oldest' })
    assert.deepEqual(new Set(outcomes), new Set(['created']))
    assert.equal((await context.idsOf('ada')).length, 3)
  },

  'logins at once never exceed a rejecting limit, and fill it': async (context) => {
    const outcomes = await loginAtOnce(context, { max: 3, onExceed: 'reject' })
    assert.deepEqual(outcomes.toSorted(), [
      ...Array.from({ length: 7 }, () => 'limit'),
      ...Array.from({ length: 3 }, () => 'saved'),
    ])
    assert.equal((await context.idsOf('ada')).length, 3)
  },

  'logins at once never exceed an evicting limit, and are all saved': async (context) => {
    const outcomes = await loginAtOnce(context, { max: 3, onExceed: 'evict-oldest' })
    assert.deepEqual(new Set(outcomes), new Set(['saved']))
    assert.equal((await context.idsOf('ada')).length, 3)
  },

  'creates and logins at once share one limit': async (context) => {
    const limit = { max: 2, onExceed: 'reject' } as const
    const outcomes = await Promise.all([createAtOnce(context, limit), loginAtOnce(context, limit)])
    assert.equal(outcomes.flat().filter((outcome) => outcome !== 'limit').length, 2)
    assert.equal((await context.idsOf('ada')).length, 2)
  },

  'an eviction and a save of the session that it ends do not bring that back': async (context) => {
    const { store, another, clock, create, newRecord, idsOf } = context
    const other = await another()
    const limit = { max: 1, onExceed: 'evict-oldest' } as const
    for (const saveFirst of [true, false]) {
      await store.deleteAll({ principal: 'ada' })
      const oldest = await create({ principal: 'ada' })
      const record = newRecord({ principal: 'ada' })
      const save = () => store.save(oldest, 1, clock.now())
      const evict = () => other.create(record, limit)
      const outcomes = await Promise.all(saveFirst ? [save(), evict()] : [evict(), save()])
      assert.ok(outcomes.includes('created'))
      assert.deepEqual(await idsOf('ada'), [record.id])
      assert.equal(await store.save(oldest, 2, clock.now()), 'gone')
    }
  },

  'sessions that change places between two principals at once do not lock each other out': async (
    context,
  ) => {
    const { store, another, clock, create, idsOf } = context
    const other = await another()
    const limit = { max: 2, onExceed: 'evict-oldest' } as const
    const first = await create({ principal: 'ada' })
    const second = await create({ principal: 'grace' })
    for (let version = 1; version <= 10; version++) {
      const [one, two] = version % 2 === 1 ? ['grace', 'ada'] : ['ada', 'grace']
      const outcomes = await Promise.all([
        store.save({ ...first, principal: one ?? null }, version, clock.now(), limit),
        other.save({ ...second, principal: two ?? null }, version, clock.now(), limit),
      ])
      assert.deepEqual(outcomes, ['saved', 'saved'])
    }
    assert.deepEqual(await idsOf('ada'), [first.id])
    assert.deepEqual(await idsOf('grace'), [second.id])
  },

  'limits of different principals at once do not mix': async (context) => {
    const { store, another, newRecord, idsOf } = context
    const other = await another()
    const principals = ['ada', 'grace', 'joan']
    const limit = { max: 2, onExceed: 'evict-oldest' } as const
    const records = Array.from({ length: 12 }, (_, index) =>
      newRecord({ principal: principals[index % 3] ?? null }),
    )
    const outcomes = await Promise.all(
      records.map((record, index) => (index % 2 === 0 ? store : other).create(record, limit)),
    )
    assert.deepEqual(new Set(outcomes), new Set(['created']))
    for (const principal of principals) assert.equal((await idsOf(principal)).length, 2)
  },
}
