import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { CreateOutcome } from '../../src/core/store.ts'
import { memoryStore } from '../../src/memory.ts'
import type { ConformanceCase } from '../../src/testing.ts'
import { manualClock, storeConformance } from '../../src/testing.ts'
import { connectedStore, delegatingStore } from '../support/delegating-store.ts'
import { brokenLimitRaces, brokenLimits } from './broken-stores/broken-limits.ts'
import { brokenLists, brokenScans } from './broken-stores/broken-pages.ts'
import { brokenCloses, brokenIds, brokenRaces, soundStores } from './broken-stores/broken-races.ts'
import { brokenFields } from './broken-stores/broken-records.ts'
import type { Break, BrokenStores } from './broken-stores/broken-store.ts'
import {
  brokenCreates,
  brokenDeletes,
  brokenLoads,
  brokenSaves,
  brokenSweeps,
  brokenTouches,
} from './broken-stores/broken-verbs.ts'

const brokenStores: Readonly<Record<string, BrokenStores>> = {
  fields: brokenFields,
  create: brokenCreates,
  load: brokenLoads,
  save: brokenSaves,
  touch: brokenTouches,
  delete: brokenDeletes,
  sweep: brokenSweeps,
  list: brokenLists,
  scan: brokenScans,
  limit: brokenLimits,
  race: brokenRaces,
  'limit race': brokenLimitRaces,
  id: brokenIds,
  close: brokenCloses,
}

function casesOn(breakStore: Break): ConformanceCase[] {
  return storeConformance({
    open() {
      const sound = memoryStore()
      return delegatingStore(sound, breakStore(sound))
    },
  })
}

async function failuresOf(cases: readonly ConformanceCase[]): Promise<string[]> {
  const failures: string[] = []
  for (const { name, run } of cases) {
    await run().catch((error) => failures.push(`${name}: ${error}`))
  }
  return failures
}

suite('the store conformance suite notices that', () => {
  for (const [group, stores] of Object.entries(brokenStores)) {
    for (const [name, breakStore] of Object.entries(stores)) {
      test(name, async () => {
        const cases = casesOn(breakStore).filter((each) => each.group === group)
        assert.notDeepEqual(await failuresOf(cases), [], `no case of "${group}" has failed`)
      })
    }
  }
})

suite('with two stores on one database the suite notices that', () => {
  test('closing one closes the other', async () => {
    let shared = memoryStore()
    const cases = storeConformance({
      open() {
        shared = memoryStore()
        return delegatingStore(shared)
      },
      connect: () => delegatingStore(shared),
    })
    const failures = await failuresOf(cases.filter(({ group }) => group === 'close'))
    assert.ok(failures.some((failure) => failure.startsWith('close of one store leaves')))
  })

  test('they do not see the same records', async () => {
    const cases = storeConformance({ open: memoryStore, connect: memoryStore })
    const failures = await failuresOf(cases)
    for (const begin of ['a record outlives', 'create is seen by', 'save is seen by']) {
      assert.ok(failures.some((failure) => failure.startsWith(begin)))
    }
  })
})

suite('the store conformance suite lets pass', () => {
  for (const [name, adapt] of Object.entries(soundStores)) {
    test(name, async () => {
      assert.deepEqual(await failuresOf(casesOn(adapt)), [])
    })
  }

  test('several stores on the same records', async () => {
    let shared = memoryStore()
    const cases = storeConformance({
      open() {
        shared = memoryStore()
        return connectedStore(shared)
      },
      connect: () => connectedStore(shared),
    })
    assert.deepEqual(await failuresOf(cases), [])
  })
})

test('every case of the suite has a name of its own, and every group is proven to fail', () => {
  const cases = storeConformance({ open: memoryStore })
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
  assert.deepEqual(new Set(cases.map(({ group }) => group)), new Set(Object.keys(brokenStores)))
})

test('the suite closes every store that it has opened, also where a case fails', async () => {
  let open = 0
  const openStore = () => {
    open++
    const sound = memoryStore()
    let closed = false
    return delegatingStore(sound, {
      create: (): CreateOutcome => 'taken',
      close: async () => {
        if (!closed) open--
        closed = true
        await sound.close()
      },
    })
  }
  const cases = storeConformance({ open: openStore, connect: openStore })
  assert.notDeepEqual(await failuresOf(cases), [])
  assert.equal(open, 0)
})

test('the suite moves the clock that is passed in', async () => {
  const clock = manualClock(1_000_000)
  await failuresOf(storeConformance({ open: memoryStore, clock }))
  assert.notEqual(clock.now(), 1_000_000)
})
