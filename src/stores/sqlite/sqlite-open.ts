import { accessSync, closeSync, constants, openSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  SessionError,
  SessionOptionsError,
  StoreSetupError,
  StoreUnavailableError,
} from '../../core/errors.ts'
import { checkFileSystem } from './file-system-check.ts'
import { SqliteConnection, WRITE_WAIT_MS } from './sqlite-connection.ts'
import { isBusy, isNoDatabase, isNotWritable } from './sqlite-errors.ts'

export interface OpenedDatabase {
  readonly connection: SqliteConnection
  close(): void
}

/** Opens a database file with the driver that is built into the runtime. */
export function openDatabase(file: string): OpenedDatabase {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) {
    throw new StoreSetupError(
      'This runtime has no node:sqlite. Run Node.js 22.13 or later, or pass sqliteStore an open ' +
        'database of better-sqlite3, libsql or bun:sqlite.',
    )
  }
  const database = new sqlite.DatabaseSync(file)
  // By PRAGMA, because Node.js 22.13 ignores the option `timeout`.
  database.exec(`PRAGMA busy_timeout = ${WRITE_WAIT_MS}`)
  return { connection: new SqliteConnection(database), close: () => database.close() }
}

/** Sets up a connection of our own; one that was passed in keeps the settings of its user. */
export function configure(
  connection: SqliteConnection,
  file: string,
  synchronous: 'normal' | 'full',
): void {
  const mode = connection.value('PRAGMA journal_mode = WAL')
  if (mode !== 'wal' && file !== ':memory:') {
    throw new StoreSetupError(
      `${file} cannot be switched to write-ahead logging; its journal mode stays '${mode}'. Its ` +
        'file system may lack shared memory: give sqliteStore a path on a local disk.',
    )
  }
  connection.execute(`PRAGMA synchronous = ${synchronous}`)
  // In KiB: enough for the inner pages of the indexes of millions of sessions.
  connection.execute('PRAGMA cache_size = -16000')
  // What a burst has made of the log is given back to the disk.
  connection.execute('PRAGMA journal_size_limit = 67108864')
}

/**
 * Checks the place of a database file, and creates the file, for this user only, if there is none.
 *
 * @returns the absolute path.
 * @throws StoreSetupError if the place or the file cannot be used.
 */
export function prepareFile(path: string, allowAnyFileSystem: boolean): string {
  if (path === ':memory:') return path
  if (path === '' || path.startsWith('file:')) {
    throw new SessionOptionsError(
      `sqliteStore: '${path}' is not a path. Give the path of a file, or ':memory:'.`,
    )
  }
  const file = resolve(path)
  try {
    checkPlace(file, allowAnyFileSystem)
  } catch (error) {
    if (error instanceof SessionError) throw error
    throw new StoreSetupError(`${file} cannot be opened or created.`, { cause: error })
  }
  return file
}

function checkPlace(file: string, allowAnyFileSystem: boolean): void {
  const folder = dirname(file)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StoreSetupError(
      `The folder ${folder} does not exist. Create it, or give sqliteStore another path.`,
    )
  }
  const existing = statSync(file, { throwIfNoEntry: false })
  if (existing !== undefined && !existing.isFile()) {
    throw new StoreSetupError(`${file} is not a file. Give sqliteStore the path of a file.`)
  }
  assertWritable(folder, ': SQLite keeps its log beside the database.')
  if (existing !== undefined) assertWritable(file, '.')
  if (!allowAnyFileSystem) checkFileSystem(realpathSync(existing === undefined ? folder : file))
  // SQLite would let others read it; it gives the log the mode that the database has.
  if (existing === undefined) {
    closeSync(openSync(file, constants.O_CREAT | constants.O_RDWR, 0o600))
  }
}

function assertWritable(path: string, end: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw new StoreSetupError(`${path} cannot be written by this process${end}`, { cause })
  }
}

/**
 * Runs what opens and prepares a database. It waits for locks where it stands: several processes
 * that start at once have nothing else to do yet.
 *
 * @throws StoreSetupError, or StoreUnavailableError if the database stays locked.
 */
export function settingUp<T>(busyTimeoutMs: number, run: () => T): T {
  const giveUpAt = performance.now() + busyTimeoutMs
  for (;;) {
    try {
      return run()
    } catch (error) {
      if (error instanceof SessionError) throw error
      if (!isBusy(error)) throw setupError(error)
      if (performance.now() > giveUpAt) {
        throw new StoreUnavailableError(
          `The SQLite database was locked for ${busyTimeoutMs} ms, so that it could not be opened.`,
          { cause: error },
        )
      }
    }
    sleep(1 + Math.random() * 20)
  }
}

function setupError(cause: unknown): StoreSetupError {
  if (isNoDatabase(cause)) {
    return new StoreSetupError(
      'The file is not an SQLite database, or it is encrypted; it was left as it is. Give ' +
        'sqliteStore another path, or a client that has opened it.',
      { cause },
    )
  }
  if (isNotWritable(cause)) {
    return new StoreSetupError('The SQLite database cannot be opened for writing.', { cause })
  }
  return new StoreSetupError(
    'The SQLite database cannot be used for sessions: its error is the cause of this one. SQLite ' +
      '3.37 or later is needed.',
    { cause },
  )
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
