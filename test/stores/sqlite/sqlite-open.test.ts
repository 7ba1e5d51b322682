import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  SessionOptionsError,
  StoreSetupError,
  StoreUnavailableError,
} from '../../../src/core/errors.ts'
import { type SqliteFileOptions, sqliteStore } from '../../../src/sqlite.ts'
import { newRecord, now } from './records.ts'
import { newPath, openClient, openStore } from './sqlite-databases.ts'

const posixOnly = process.platform === 'win32' ? 'Windows has no file modes' : false

test('importing the entry does not load SQLite', () => {
  const entry = new URL('../../../src/sqlite.ts', import.meta.url)
  const program = `await import('${entry}'); console.log(process.moduleLoadList.join('\\n'))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program])
  assert.match(String(stdout), /NativeModule fs\n/)
  assert.doesNotMatch(String(stdout), /NativeModule sqlite/)
})

test('the database and its log can be read and written by this user only', {
  skip: posixOnly,
}, async () => {
  const path = newPath()
  const mask = process.umask(0)
  const store = openStore(path)
  await store.create(newRecord())
  process.umask(mask)
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    assert.equal((statSync(file).mode & 0o777).toString(8), '600', file)
  }
})

test('the mode of a file that is there already is left alone', { skip: posixOnly }, async () => {
  const path = newPath()
  writeFileSync(path, '', { mode: 0o640 })
  chmodSync(path, 0o640)
  await openStore(path).create(newRecord())
  assert.equal((statSync(path).mode & 0o777).toString(8), '640')
})

test('a database of its own is in WAL mode and synced at each commit', async () => {
  for (const [options, expected] of [
    [{}, 2],
    [{ synchronous: 'full' }, 2],
    [{ synchronous: 'normal' }, 1],
  ] as const) {
    const path = newPath()
    const settings = settingsAfter(() =>
      sqliteStore(path, { allowAnyFileSystem: true, ...options }),
    )
    assert.equal(settings['synchronous'], expected)
    assert.equal(settings['journal_mode'], 'wal')
    assert.equal(settings['busy_timeout'], 5)
  }
})

test('sessions are there after closing and opening again', async () => {
  const path = newPath()
  const store = openStore(path)
  const record = newRecord({ data: Uint8Array.of(1, 2, 3) })
  await store.create(record)
  await store.close()
  assert.ok(!existsSync(`${path}-wal`), 'the last one to close puts the log into the database')
  assert.deepEqual(await openStore(path).load([record.id], now), [record])
})

test("':memory:' keeps sessions until it is closed", async () => {
  const [first, second] = [sqliteStore(':memory:'), sqliteStore(':memory:')]
  const record = newRecord()
  await first.create(record)
  assert.equal((await first.load([record.id], now)).length, 1)
  assert.equal((await second.load([record.id], now)).length, 0)
  await first.close()
  await second.close()
})

test('closing closes what the store opened, and leaves open what the user opened', async () => {
  const client = openClient('node:sqlite', newPath())
  const store = sqliteStore(client)
  await store.close()
  await store.close()
  assert.throws(() => store.load(['id'], now), StoreUnavailableError)
  await assert.rejects(async () => store.create(newRecord()), StoreUnavailableError)
  assert.equal(client.prepare('SELECT 1 AS one').all().length, 1)
})

test('a folder that does not exist is refused, and not created', () => {
  const folder = newPath()
  refused(join(folder, 'sessions.db'), /folder .* does not exist/)
  assert.ok(!existsSync(folder))
})

test('a path that the system refuses is refused', () => {
  refused(join(newPath(), '..', 'x'.repeat(300)), /cannot be opened or created/)
})

test('a file in the place of the folder is refused', () => {
  const file = newPath()
  writeFileSync(file, '')
  refused(join(file, 'sessions.db'), /does not exist/)
})

test('a folder in the place of the file is refused', () => {
  const folder = newPath()
  mkdirSync(folder)
  refused(folder, /is not a file/)
})

test('a file that is no database is refused and stays as it is', () => {
  for (const content of ['hi', 'no database, but text. '.repeat(500), '\0'.repeat(5000)]) {
    const path = newPath()
    writeFileSync(path, content)
    refused(path, /not an SQLite database, or it is encrypted/)
    assert.equal(readFileSync(path, 'utf8'), content)
    assert.ok(!existsSync(`${path}-wal`))
  }
})

test('a database that is cut off is refused and stays as it is', () => {
  const path = newPath()
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE other (a, b); INSERT INTO other VALUES (1, 2)')
  database.close()
  const content = readFileSync(path).subarray(0, 4096)
  writeFileSync(path, content)
  refused(path, /cannot be used|not an SQLite database/)
  assert.deepEqual(readFileSync(path), content)
})

test('what the process may not write is refused', { skip: posixOnly }, (context) => {
  const folder = publicFolder(context)
  const file = join(folder, 'read-only.db')
  writeFileSync(file, '')
  chmodSync(file, 0o444)
  chmodSync(folder, 0o777)
  assert.match(openAsNobody(file), /ERR_SESSION_STORE_SETUP .*read-only\.db cannot be written/)

  const other = join(folder, 'writable.db')
  writeFileSync(other, '')
  chmodSync(other, 0o666)
  chmodSync(folder, 0o555)
  assert.match(openAsNobody(other), /ERR_SESSION_STORE_SETUP .* cannot be written/)
  assert.match(openAsNobody(join(folder, 'new.db')), /ERR_SESSION_STORE_SETUP .* cannot be written/)
  chmodSync(folder, 0o777)
  assert.equal(openAsNobody(other), 'created')
})

test('a link to a file that does not exist yet makes it, for this user only', {
  skip: posixOnly,
}, async () => {
  const [target, link] = [newPath(), newPath()]
  symlinkSync(target, link)
  await openStore(link).create(newRecord())
  assert.equal((statSync(target).mode & 0o777).toString(8), '600')
})

test('a database that stays locked throughout busyTimeout is StoreUnavailableError', () => {
  const path = newPath()
  using other = new DatabaseSync(path)
  other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  const before = performance.now()
  assert.throws(
    () => sqliteStore(path, { allowAnyFileSystem: true, busyTimeout: '50ms' }),
    StoreUnavailableError,
  )
  assert.ok(performance.now() - before >= 50)
})

test('options are checked: names, values, and what is for a path only', () => {
  const client = openClient('node:sqlite', newPath())
  const wrong: [unknown, object, RegExp][] = [
    [':memory:', { synchronous: 'off' }, /synchronous: 'off' is neither/],
    [':memory:', { ttl: 5 }, /ttl: there is no such option\. Known are: prefix/],
    [':memory:', { busyTimeout: 5000 }, /busyTimeout: the bare number 5000/],
    [':memory:', { prefix: 'a-b' }, /prefix: 'a-b'/],
    [client, { synchronous: 'full' }, /synchronous: it is for a path only/],
    [client, { allowAnyFileSystem: true }, /allowAnyFileSystem: it is for a path only/],
    ['', {}, /'' is not a path/],
    ['file:sessions.db?mode=ro', {}, /'file:sessions\.db\?mode=ro' is not a path/],
    [undefined, {}, /give it the path of a file, or an open database/],
    [{}, {}, /give it the path of a file, or an open database/],
  ]
  for (const [pathOrClient, options, message] of wrong) {
    assert.throws(
      () => sqliteStore(pathOrClient as string, options as SqliteFileOptions),
      (error) => error instanceof SessionOptionsError && message.test(error.message),
      String(message),
    )
  }
})

function refused(path: string, message: RegExp): void {
  assert.throws(
    () => sqliteStore(path, { allowAnyFileSystem: true }),
    (error) => error instanceof StoreSetupError && message.test(error.message),
  )
}

/** What the store that `open` opens has set, seen through its own connection. */
function settingsAfter(open: () => unknown): Record<string, unknown> {
  const { prepare } = DatabaseSync.prototype
  let database: DatabaseSync | undefined
  DatabaseSync.prototype.prepare = function (...given) {
    database = this
    return prepare.apply(this, given)
  }
  try {
    open()
  } finally {
    DatabaseSync.prototype.prepare = prepare
  }
  const pragmas = ['synchronous', 'journal_mode', 'busy_timeout']
  const values = pragmas.map(
    (name) => Object.values(database?.prepare(`PRAGMA ${name}`).get() ?? {})[0],
  )
  return Object.fromEntries(pragmas.map((name, index) => [name, values[index]]))
}

/** A folder that every user of the machine can enter. */
function publicFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sessile-public-'))
  chmodSync(folder, 0o755)
  context.after(() => {
    chmodSync(folder, 0o755)
    rmSync(folder, { recursive: true })
  })
  return folder
}

/** Opens a store in a process without special rights: root may write whatever the modes say. */
function openAsNobody(path: string): string {
  const program = fileURLToPath(new URL('processes/open.ts', import.meta.url))
  const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const { stdout, stderr } = spawnSync(process.execPath, [program, path], identity)
  return String(stdout).trim() || String(stderr)
}
