import { SessionOptionsError } from '../../core/errors.ts'
import type { PgPool, PgPoolClient, PgQuery, PgResult } from './postgres-client.ts'
import type {
  PostgresConnection,
  PostgresConnections,
  PostgresQueries,
  PostgresRow,
  PostgresStatement,
} from './postgres-connections.ts'
import { withoutData } from './postgres-errors.ts'

// The parsers that an app sets with `pg.types.setTypeParser` are for its own queries.
const AS_TEXT: PgQuery['types'] = { getTypeParser: () => (value) => value }

// Shared by all stores, so that each client gets one listener.
const connections = new WeakMap<PgPoolClient, PgConnection>()

export function pgConnections(pool: PgPool): PostgresConnections {
  const { binary } = (pool.options ?? {}) as { binary?: unknown }
  if (binary === true) {
    throw new SessionOptionsError(
      'postgresStore: the pool has binary: true, which sessile cannot read. Pass another pool.',
    )
  }
  // Without a listener, an idle connection that breaks ends the process.
  if (pool.listenerCount('error') === 0) pool.on('error', ignore)
  return {
    losesByteOrderMarks: false,
    async connect() {
      const client = await pool.connect()
      const known = connections.get(client)
      if (known !== undefined) return known
      // The pool listens only while the connection is idle.
      client.on('error', ignore)
      const connection = new PgConnection(client)
      connections.set(client, connection)
      return connection
    },
  }
}

class PgConnection implements PostgresConnection {
  readonly #client: PgPoolClient

  constructor(client: PgPoolClient) {
    this.#client = client
  }

  async query(statement: PostgresStatement, parameters: (string | null)[]): Promise<PostgresRow[]> {
    const { name, sql } = statement
    const query: PgQuery = { text: sql, values: parameters, rowMode: 'array', types: AS_TEXT }
    if (name !== null) query.name = name
    const { rows } = (await withoutData(this.#client.query(query))) as PgResult
    return rows as unknown as PostgresRow[]
  }

  async execute(sql: string): Promise<void> {
    await withoutData(this.#client.query({ text: sql, rowMode: 'array', types: AS_TEXT }))
  }

  async transaction<T>(
    opening: string,
    work: (queries: PostgresQueries) => Promise<T>,
  ): Promise<T> {
    try {
      await this.execute(`BEGIN; ${opening}`)
      const result = await work(this)
      await this.execute('COMMIT')
      return result
    } catch (error) {
      await this.execute('ROLLBACK').catch(ignore)
      throw error
    }
  }

  release(broken: boolean): void {
    this.#client.release(broken)
  }
}

function ignore(): void {}
