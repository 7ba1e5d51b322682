/**
 * Sessions in PostgreSQL.
 *
 * ```ts
 * import { createSessions } from 'sessile'
 * import { postgresStore } from 'sessile/postgres'
 * const sessions = createSessions({ store: postgresStore(new pg.Pool()) })
 * ```
 *
 * @module sessile/postgres
 */
export type {
  PgliteDatabase,
  PgliteQueryOptions,
  PgliteTransaction,
  PgPool,
  PgPoolClient,
  PgQuery,
  PgResult,
  PostgresClient,
  PostgresJsSql,
  PostgresJsTransaction,
} from './stores/postgres/postgres-client.ts'
export { postgresSchema } from './stores/postgres/postgres-schema.ts'
export { type PostgresStoreOptions, postgresStore } from './stores/postgres/postgres-store.ts'
