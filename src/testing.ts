/**
 * What the tests of an app, and of a store, need.
 *
 * ```ts
 * import { test } from 'node:test'
 * import { storeConformance } from 'sessile/testing'
 * for (const { name, run } of storeConformance({ open })) test(name, run)
 * ```
 *
 * @module sessile/testing
 */
export { type ManualClock, manualClock } from './testing/manual-clock.ts'
export { type SignInOptions, signIn } from './testing/sign-in.ts'
export {
  type ConformanceCase,
  type StoreConformanceOptions,
  storeConformance,
} from './testing/store-conformance.ts'
