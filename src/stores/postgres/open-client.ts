import { SessionOptionsError } from '../../core/errors.ts'
import { pgConnections } from './pg-pool.ts'
import { pgliteConnections } from './pglite.ts'
import type { PgliteDatabase, PgPool, PostgresClient, PostgresJsSql } from './postgres-client.ts'
import type { PostgresConnections } from './postgres-connections.ts'
import { postgresJsConnections } from './postgres-js.ts'

/** @throws SessionOptionsError if it is no client that can be used */
export function connectionsOf(client: PostgresClient): PostgresConnections {
  if (isPostgresJs(client)) return postgresJsConnections(client)
  if (isPglite(client)) return pgliteConnections(client)
  if (isPgPool(client)) return pgConnections(client)
  const { query } = Object(client) as { query?: unknown }
  if (typeof query === 'function') {
    throw new SessionOptionsError(
      'postgresStore: a single connection runs one query at a time and is lost for good when it ' +
        'breaks. Pass a pool: postgresStore(new pg.Pool(…)).',
    )
  }
  throw new SessionOptionsError(
    'postgresStore: pass a Pool of pg, a PGlite database, or what postgres() returns.',
  )
}

function isPgPool(client: unknown): client is PgPool {
  const { connect, totalCount } = Object(client) as Partial<PgPool>
  return typeof connect === 'function' && typeof totalCount === 'number'
}

function isPglite(client: unknown): client is PgliteDatabase {
  const { exec, transaction, query } = Object(client) as Partial<PgliteDatabase>
  return [exec, transaction, query].every((each) => typeof each === 'function')
}

function isPostgresJs(client: unknown): client is PostgresJsSql {
  if (typeof client !== 'function') return false
  const { unsafe, begin } = client as Partial<PostgresJsSql>
  return typeof unsafe === 'function' && typeof begin === 'function'
}
