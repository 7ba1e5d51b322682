import type { MaybePromise, Store } from '../core/store.ts'
import type { ManualClock } from './manual-clock.ts'
import type { StoreCases } from './store-case.ts'
import { runStoreCase } from './store-case.ts'
import { closeCases } from './store-cases/close-cases.ts'
import { createCases } from './store-cases/create-cases.ts'
import { deleteCases } from './store-cases/delete-cases.ts'
import { fieldCases } from './store-cases/field-cases.ts'
import { idCases } from './store-cases/id-cases.ts'
import { limitCases } from './store-cases/limit-cases.ts'
import { limitRaceCases } from './store-cases/limit-race-cases.ts'
import { listCases } from './store-cases/list-cases.ts'
import { loadCases } from './store-cases/load-cases.ts'
import { raceCases } from './store-cases/race-cases.ts'
import { saveCases } from './store-cases/save-cases.ts'
import { scanCases } from './store-cases/scan-cases.ts'
import { sweepCases } from './store-cases/sweep-cases.ts'
import { touchCases } from './store-cases/touch-cases.ts'

export interface StoreConformanceOptions {
  /** Opens the store on an empty database. Each case calls it once, and closes the store. */
  readonly open: () => MaybePromise<Store>
  /**
   * Opens another store on the database of the last `open`, as another process would. Without it
   * the races run within one store only: leave it out only if the database cannot be shared.
   */
  readonly connect?: () => MaybePromise<Store>
  /**
   * The clock that the cases read and move. A store needs none, because every verb is told the
   * time; pass one if something around the store does. Default: one for each case.
   */
  readonly clock?: ManualClock
}

/** One case of the suite, ready to be handed to any test runner. */
export interface ConformanceCase {
  /** What it is about, such as `'save'` or `'limit'`. */
  readonly group: string
  /** A sentence about what a store does; unique in the suite. */
  readonly name: string
  /** Rejects, with an `AssertionError` in most cases, if the store does otherwise. */
  readonly run: () => Promise<void>
}

const groups: Readonly<Record<string, StoreCases>> = {
  fields: fieldCases,
  create: createCases,
  load: loadCases,
  save: saveCases,
  touch: touchCases,
  delete: deleteCases,
  sweep: sweepCases,
  list: listCases,
  scan: scanCases,
  limit: limitCases,
  race: raceCases,
  'limit race': limitRaceCases,
  id: idCases,
  close: closeCases,
}

/**
 * The cases that every store must pass, as data: `for (const { name, run } of storeConformance({
 * open })) test(name, run)`. Run them one after the other: they share the database that `open`
 * empties. No case waits for time to pass.
 */
export function storeConformance(options: StoreConformanceOptions): ConformanceCase[] {
  return Object.entries(groups).flatMap(([group, cases]) =>
    Object.entries(cases).map(([name, check]) => ({
      group,
      name,
      run: () => runStoreCase(check, options),
    })),
  )
}
