import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after } from 'node:test'
import BetterSqlite from 'better-sqlite3'
import Libsql from 'libsql'
import type { Store } from '../../../src/core/store.ts'
import { type SqliteClient, type SqliteFileOptions, sqliteStore } from '../../../src/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sessile-sqlite-'))
const closers: (() => unknown)[] = []
let fileCount = 0

after(async () => {
  for (const close of closers.reverse()) await close()
  rmSync(folder, { recursive: true })
})

/** A path in a temporary folder, where there is no file yet. */
export function newPath(): string {
  fileCount++
  return join(folder, `${fileCount}.db`)
}

/**
 * A store on a file, also where the temporary folder is a tmpfs; closed after the tests. It does not
 * wait for the disk, because no test cuts the power.
 */
export function openStore(path: string, options?: SqliteFileOptions): Store {
  const store = sqliteStore(path, { allowAnyFileSystem: true, synchronous: 'normal', ...options })
  closers.push(() => store.close())
  return store
}

export interface TestClient extends SqliteClient {
  close(): unknown
}

export type DriverName = 'node:sqlite' | 'better-sqlite3' | 'libsql'

/** `WAL` is what the docs recommend; `DELETE` is what SQLite begins with. */
type JournalMode = 'WAL' | 'DELETE'

const constructors = {
  'node:sqlite': DatabaseSync,
  'better-sqlite3': BetterSqlite,
  libsql: Libsql,
}

export const driverNames: readonly DriverName[] = ['node:sqlite', 'better-sqlite3', 'libsql']

/**
 * Opens a database as an app does. Let no two drivers open one file: each has an SQLite of its own,
 * and within a process the locks of one do not stop the other.
 */
export function openClient(
  name: DriverName,
  path: string,
  journalMode: JournalMode = 'WAL',
): TestClient {
  const client: TestClient = new constructors[name](path)
  client.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = OFF`)
  closers.push(() => {
    // libsql ends the process when a database is closed twice.
    if ((client as { open?: unknown }).open !== false) tryTo(() => client.close())
  })
  return client
}

function tryTo(run: () => unknown): void {
  try {
    run()
  } catch {
    // Closed by the test already.
  }
}
