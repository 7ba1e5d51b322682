/**
 * Sessions in an SQLite file or in a database that the app has open.
 *
 * ```ts
 * import { createSessions } from 'sessile'
 * import { sqliteStore } from 'sessile/sqlite'
 * const sessions = createSessions({ store: sqliteStore('sessions.db') })
 * ```
 *
 * @module sessile/sqlite
 */
export type {
  SqliteClient,
  SqliteStatement,
  SqliteValue,
} from './stores/sqlite/sqlite-client.ts'
export { sqliteSchema } from './stores/sqlite/sqlite-schema.ts'
export {
  type SqliteFileOptions,
  type SqliteStoreOptions,
  sqliteStore,
} from './stores/sqlite/sqlite-store.ts'
