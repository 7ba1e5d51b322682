/**
 * Sessions in the memory of this process, for tests and development.
 *
 * ```ts
 * import { createSessions } from 'sessile'
 * import { memoryStore } from 'sessile/memory'
 * const sessions = createSessions({ store: memoryStore() })
 * ```
 *
 * @module sessile/memory
 */
export { memoryStore } from './stores/memory/memory-store.ts'
