import { ConnectionRunner } from '../sql/connection-runner.ts'
import type { SqlDatabase, Verdict } from '../sql/sql-database.ts'
import type { PostgresConnection, PostgresConnections } from './postgres-connections.ts'
import { judge, misfitError } from './postgres-errors.ts'
import { type PostgresTableNames, prepareSchema } from './postgres-schema.ts'

export interface PostgresDatabaseOptions {
  readonly tables: PostgresTableNames
  readonly migrate: boolean
  readonly timeoutMs: number
}

/** Hands out connections to a database in which the tables are known to be there. */
export class PostgresDatabase implements SqlDatabase<PostgresConnection> {
  readonly name = 'PostgreSQL'
  readonly #connections: PostgresConnections
  readonly #options: PostgresDatabaseOptions
  #prepared: Promise<void> | undefined

  constructor(connections: PostgresConnections, options: PostgresDatabaseOptions) {
    this.#connections = connections
    this.#options = options
  }

  async connect(): Promise<PostgresConnection> {
    this.#prepared ??= this.#prepare()
    await this.#prepared
    return this.#connections.connect()
  }

  judge(error: unknown): Verdict {
    return judge(error)
  }

  /** Somebody may have dropped the tables: look again before the next use. */
  misfit(error: unknown): Error {
    this.#prepared = undefined
    return misfitError(error)
  }

  async #prepare(): Promise<void> {
    const { tables, migrate, timeoutMs } = this.#options
    const runner = new ConnectionRunner(
      {
        name: this.name,
        connect: () => this.#connections.connect(),
        judge,
        misfit: misfitError,
      },
      timeoutMs,
    )
    try {
      await runner.run((connection) => prepareSchema(connection, tables, migrate))
    } catch (error) {
      // The next use tries again.
      this.#prepared = undefined
      throw error
    }
  }
}
