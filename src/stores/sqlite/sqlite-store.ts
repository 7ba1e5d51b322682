import { SessionOptionsError, StoreUnavailableError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'
import type {
  CreateOutcome,
  DeleteConditions,
  DeleteOutcome,
  ListQuery,
  PrincipalLimit,
  RecordPage,
  SaveOutcome,
  ScanQuery,
  Store,
} from '../../core/store.ts'
import { type Duration, toMilliseconds } from '../../core/timeouts.ts'
import { SessionTable } from './session-table.ts'
import type { SqliteClient } from './sqlite-client.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { configure, openDatabase, prepareFile, settingUp } from './sqlite-open.ts'
import { checkSchema, migrateSchema, tableNames } from './sqlite-schema.ts'
import { WriteQueue } from './write-queue.ts'

export interface SqliteStoreOptions {
  /** Begins the names of the tables: `'app_'` makes `app_sessions`. Default none. */
  readonly prefix?: string
  /**
   * Whether missing tables are created, and old ones brought up to date. Default true. With false a
   * StoreSetupError tells the SQL to run; `sqliteSchema()` tells it beforehand.
   */
  readonly migrate?: boolean
  /**
   * How long a write may wait while others hold the lock. Default `'5s'`. The event loop does not
   * wait with it.
   */
  readonly busyTimeout?: Duration
}

export interface SqliteFileOptions extends SqliteStoreOptions {
  /**
   * `'full'` (default): what was answered survives a power cut. `'normal'`: it survives `kill -9`,
   * but a power cut may take the last moments with it, logouts included.
   */
  readonly synchronous?: 'normal' | 'full'
  /**
   * Skips the refusal of remote file systems, where SQLite may corrupt its database, and of
   * ephemeral ones and serverless hosts, which forget it. Default false.
   */
  readonly allowAnyFileSystem?: boolean
}

/**
 * Keeps sessions in an SQLite file, with the driver that is built into Node.js, Bun and Deno.
 * Everything is checked here and now: a store that was made works.
 *
 * @param path the file; it is created if there is none. `':memory:'` keeps nothing.
 * @throws StoreSetupError that tells what to do, if the place or the database cannot be used.
 * @throws SessionOptionsError
 */
export function sqliteStore(path: string, options?: SqliteFileOptions): Store
/**
 * Keeps sessions in a database that the app has opened: `node:sqlite`, `better-sqlite3`, `libsql`
 * or `bun:sqlite`. The app sets its journal mode (WAL is recommended), and closes it.
 */
export function sqliteStore(client: SqliteClient, options?: SqliteStoreOptions): Store
export function sqliteStore(
  pathOrClient: string | SqliteClient,
  options: SqliteFileOptions = {},
): Store {
  checkOptions(pathOrClient, options)
  const { migrate = true, synchronous = 'full', allowAnyFileSystem = false } = options
  const tables = tableNames(options.prefix)
  const busyTimeoutMs = toMilliseconds(options.busyTimeout ?? '5s', 'busyTimeout')
  if (typeof pathOrClient !== 'string') {
    return settingUp(busyTimeoutMs, () => {
      const connection = new SqliteConnection(pathOrClient)
      checkSchema(connection, tables, migrate)
      migrateSchema(connection, tables)
      // Changes nothing, but a client that was opened for reading only is refused now, not at a login.
      connection.execute(`DELETE FROM ${tables.sessions} WHERE 0`)
      return new SqliteStore(connection, tables.sessions, busyTimeoutMs)
    })
  }
  const file = prepareFile(pathOrClient, allowAnyFileSystem)
  return settingUp(busyTimeoutMs, () => {
    const { connection, close } = openDatabase(file)
    try {
      // In this order, because a file that is refused must not have been changed.
      checkSchema(connection, tables, migrate)
      configure(connection, file, synchronous)
      migrateSchema(connection, tables)
      return new SqliteStore(connection, tables.sessions, busyTimeoutMs, close)
    } catch (error) {
      close()
      throw error
    }
  })
}

class SqliteStore implements Store {
  readonly loadsSynchronously = true
  readonly #connection: SqliteConnection
  readonly #table: SessionTable
  readonly #writes: WriteQueue
  readonly #release: () => void
  #closing: Promise<void> | undefined

  constructor(
    connection: SqliteConnection,
    table: string,
    busyTimeoutMs: number,
    release: () => void = () => {},
  ) {
    this.#connection = connection
    this.#table = new SessionTable(connection, table)
    this.#writes = new WriteQueue(connection, busyTimeoutMs)
    this.#release = release
  }

  load(ids: readonly string[], now: number): SessionRecord[] {
    return this.#read((table) => table.load(ids, now))
  }

  list(query: ListQuery, now: number): RecordPage {
    return this.#read((table) => table.list(query, now))
  }

  scan(query: ScanQuery, now: number): RecordPage {
    return this.#read((table) => table.scan(query, now))
  }

  create(record: SessionRecord, limit?: PrincipalLimit): Promise<CreateOutcome> {
    const given = copyOf(record)
    return this.#write((table) => table.create(given, limit))
  }

  save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): Promise<SaveOutcome> {
    const given = copyOf(record)
    return this.#write((table) => table.save(given, expectedVersion, now, limit))
  }

  touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): Promise<boolean> {
    return this.#write((table) => table.touch(id, expectedVersion, lastSeenAt, idleTimeout, now))
  }

  delete(id: string, conditions: DeleteConditions = {}): Promise<DeleteOutcome> {
    return this.#write((table) => table.delete(id, conditions))
  }

  deleteAll(selection: {
    readonly principal: string
    readonly exceptId?: string
  }): Promise<number> {
    return this.#write((table) => table.deleteAll(selection.principal, selection.exceptId))
  }

  sweep(now: number, limit: number): Promise<number> {
    return this.#write((table) => table.sweep(now, limit))
  }

  close(): Promise<void> {
    this.#closing ??= this.#writes.drain().then(this.#release)
    return this.#closing
  }

  #read<T>(query: (table: SessionTable) => T): T {
    if (this.#closing !== undefined) throw closedError()
    return this.#connection.read(() => query(this.#table))
  }

  #write<T>(change: (table: SessionTable) => T): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError())
    return this.#writes.add(() => change(this.#table))
  }
}

// The write happens in another turn: until then the caller may change what it passed.
function copyOf(record: SessionRecord): SessionRecord {
  const { data } = record
  return { ...record, data: typeof data === 'string' ? data : new Uint8Array(data) }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('The SQLite store is closed.')
}

const OPTIONS = ['prefix', 'migrate', 'busyTimeout']
const FILE_OPTIONS = [...OPTIONS, 'synchronous', 'allowAnyFileSystem']

function checkOptions(pathOrClient: unknown, options: SqliteFileOptions): void {
  const isPath = typeof pathOrClient === 'string'
  if (!isPath && !isClient(pathOrClient)) {
    throw new SessionOptionsError(
      'sqliteStore: give it the path of a file, or an open database of node:sqlite, ' +
        'better-sqlite3, libsql or bun:sqlite.',
    )
  }
  const known = isPath ? FILE_OPTIONS : OPTIONS
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const reason = FILE_OPTIONS.includes(name)
      ? 'it is for a path only; an open database keeps its own settings.'
      : `there is no such option. Known are: ${known.join(', ')}.`
    throw new SessionOptionsError(`${name}: ${reason}`)
  }
  const { synchronous = 'full' } = options
  if (synchronous !== 'full' && synchronous !== 'normal') {
    throw new SessionOptionsError(`synchronous: '${synchronous}' is neither 'full' nor 'normal'.`)
  }
}

function isClient(client: unknown): boolean {
  const { prepare, exec } = (client ?? {}) as Partial<SqliteClient>
  return typeof prepare === 'function' && typeof exec === 'function'
}
