import { SessionOptionsError, StoreUnavailableError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'
import {
  type CreateOutcome,
  type DeleteConditions,
  type DeleteOutcome,
  type ListQuery,
  type PrincipalLimit,
  type RecordPage,
  type SaveOutcome,
  type ScanQuery,
  type Store,
  SWEEP_GRACE,
} from '../../core/store.ts'
import { type Duration, toMilliseconds } from '../../core/timeouts.ts'
import { BatchLane } from '../sql/batch-lane.ts'
import { ConnectionRunner } from '../sql/connection-runner.ts'
import { copyOf } from '../sql/session-row.ts'
import { createLimited, saveLimited } from './limited-writes.ts'
import { connectionsOf } from './open-client.ts'
import type { PostgresClient } from './postgres-client.ts'
import type { PostgresConnection } from './postgres-connections.ts'
import { PostgresDatabase } from './postgres-database.ts'
import { lockKey, tableNames } from './postgres-schema.ts'
import { isUuid, recordColumns } from './postgres-values.ts'
import {
  createBatch,
  type Load,
  loadBatch,
  type Save,
  saveBatch,
  type Touch,
  touchBatch,
} from './session-batches.ts'
import { type SessionStatements, sessionStatements } from './session-statements.ts'

export interface PostgresStoreOptions {
  /** Begins the names of the tables: `'app_'` makes `app_sessions`. Default none. */
  readonly prefix?: string
  /**
   * Whether missing tables are created, and old ones brought up to date. Default true. With false a
   * StoreSetupError tells the SQL to run; `postgresSchema()` tells it beforehand.
   */
  readonly migrate?: boolean
  /**
   * Whether the server keeps the plans of the statements that every request needs. Default true.
   * Set false behind PgBouncer in transaction mode, unless its `max_prepared_statements` is set.
   */
  readonly preparedStatements?: boolean
  /**
   * How long a verb may take, from the call to the answer. Default `'5s'`. What was not sent by then
   * never will be; a connection that did not answer by then is closed.
   */
  readonly timeout?: Duration
}

/**
 * Keeps sessions in PostgreSQL. Nothing is asked of the database before the first use: an app may
 * start before its database.
 *
 * @param client a `Pool` of `pg`, a PGlite database, or what `postgres()` returns. It stays open
 * when the store is closed.
 * @throws SessionOptionsError
 */
export function postgresStore(client: PostgresClient, options: PostgresStoreOptions = {}): Store {
  checkOptions(options)
  const tables = tableNames(options.prefix)
  const timeoutMs = toMilliseconds(options.timeout ?? '5s', 'timeout')
  const connections = connectionsOf(client)
  const statements = sessionStatements({
    table: tables.sessions,
    columns: recordColumns(connections.losesByteOrderMarks),
    prepared: options.preparedStatements ?? true,
    sweepLock: lockKey(`${tables.sessions}:sweep`),
  })
  const database = new PostgresDatabase(connections, {
    tables,
    migrate: options.migrate ?? true,
    timeoutMs,
  })
  return new PostgresStore(database, statements, timeoutMs)
}

class PostgresStore implements Store {
  readonly loadsSynchronously = false
  readonly #statements: SessionStatements
  readonly #runner: ConnectionRunner<PostgresConnection>
  readonly #loads: BatchLane<PostgresConnection, Load, SessionRecord[]>
  readonly #creates: BatchLane<PostgresConnection, SessionRecord, CreateOutcome>
  readonly #saves: BatchLane<PostgresConnection, Save, SaveOutcome>
  readonly #touches: BatchLane<PostgresConnection, Touch, boolean>
  #closing: Promise<void> | undefined

  constructor(database: PostgresDatabase, statements: SessionStatements, timeoutMs: number) {
    this.#statements = statements
    this.#runner = new ConnectionRunner(database, timeoutMs)
    this.#loads = new BatchLane(this.#runner, loadBatch(statements))
    this.#creates = new BatchLane(this.#runner, createBatch(statements))
    this.#saves = new BatchLane(this.#runner, saveBatch(statements))
    this.#touches = new BatchLane(this.#runner, touchBatch(statements))
  }

  async load(ids: readonly string[], now: number): Promise<SessionRecord[]> {
    this.#assertOpen()
    const known = ids.filter(isUuid)
    return known.length === 0 ? [] : this.#loads.add({ ids: known, now })
  }

  async create(record: SessionRecord, limit?: PrincipalLimit): Promise<CreateOutcome> {
    this.#assertOpen()
    const given = copyOf(record)
    if (limit === undefined || record.principal === null) return this.#creates.add(given)
    return this.#runner.run((connection) =>
      createLimited(connection, this.#statements, given, limit),
    )
  }

  async save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): Promise<SaveOutcome> {
    this.#assertOpen()
    if (!isUuid(record.id)) return 'gone'
    const save = { record: copyOf(record), expectedVersion, now }
    if (limit === undefined || record.principal === null) return this.#saves.add(save)
    return this.#runner.run((connection) => saveLimited(connection, this.#statements, save, limit))
  }

  async touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): Promise<boolean> {
    this.#assertOpen()
    if (!isUuid(id)) return false
    return this.#touches.add({ id, expectedVersion, lastSeenAt, idleTimeout, now })
  }

  async delete(id: string, conditions: DeleteConditions = {}): Promise<DeleteOutcome> {
    this.#assertOpen()
    if (!isUuid(id)) return 'gone'
    const { expectedVersion, principal } = conditions
    const [found] = await this.#query('delete', [
      id,
      expectedVersion === undefined ? null : String(expectedVersion),
      principal ?? null,
    ])
    if (found === undefined) return 'gone'
    const matches = expectedVersion === undefined || Number(found[0]) === expectedVersion
    return matches ? 'deleted' : 'conflict'
  }

  async deleteAll(selection: {
    readonly principal: string
    readonly exceptId?: string
  }): Promise<number> {
    this.#assertOpen()
    const { principal, exceptId } = selection
    const [found] = await this.#query('deleteAll', [principal, uuidOrNull(exceptId)])
    return Number(found?.[0])
  }

  async sweep(now: number, limit: number): Promise<number> {
    this.#assertOpen()
    const [found] = await this.#query('sweep', [String(now - SWEEP_GRACE), String(limit)])
    return Number(found?.[0])
  }

  async list({ principal, after, limit }: ListQuery, now: number): Promise<RecordPage> {
    this.#assertOpen()
    const parameters = [principal, uuidOrNull(after), String(now), String(limit + 1)]
    const records = await this.#records('list', parameters)
    const next = records.length > limit ? (records[limit - 1]?.id ?? null) : null
    return { records: records.slice(0, limit), next }
  }

  /** Reads so many rows, live or not: a page of a table full of expired ones takes no longer. */
  async scan({ cursor, limit }: ScanQuery, now: number): Promise<RecordPage> {
    this.#assertOpen()
    const records = await this.#records('scan', [uuidOrNull(cursor), String(limit)])
    return {
      records: records.filter(({ expiresAt }) => expiresAt > now),
      next: records.length < limit ? null : (records.at(-1)?.id ?? null),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    const lanes = [this.#loads, this.#creates, this.#saves, this.#touches]
    await Promise.all([this.#runner.drain(), ...lanes.map((lane) => lane.drain())])
  }

  #query(verb: 'delete' | 'deleteAll' | 'sweep' | 'list' | 'scan', parameters: (string | null)[]) {
    const statement = this.#statements[verb]
    return this.#runner.run((connection) => connection.query(statement, parameters))
  }

  async #records(verb: 'list' | 'scan', parameters: (string | null)[]): Promise<SessionRecord[]> {
    const rows = await this.#query(verb, parameters)
    return rows.map((row) => this.#statements.columns.read(row))
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return
    throw new StoreUnavailableError('The PostgreSQL store is closed.')
  }
}

function uuidOrNull(id: string | undefined): string | null {
  return id !== undefined && isUuid(id) ? id : null
}

const OPTIONS = ['prefix', 'migrate', 'preparedStatements', 'timeout']

function checkOptions(options: PostgresStoreOptions): void {
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue
    throw new SessionOptionsError(
      `${name}: there is no such option. Known are: ${OPTIONS.join(', ')}.`,
    )
  }
}
