import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StoreSetupError } from '../../../src/core/errors.ts'
import { type SqliteFileOptions, sqliteSchema, sqliteStore } from '../../../src/sqlite.ts'
import { newRecord, now } from './records.ts'
import { driverNames, newPath, openClient, openStore } from './sqlite-databases.ts'

const newestVersion = 1

test('the schema in the docs is the one that is made', () => {
  const page = readFileSync(new URL('../../../docs/stores/sqlite.md', import.meta.url), 'utf8')
  assert.ok(page.includes(`\`\`\`sql\n${sqliteSchema()}\n\`\`\``))
})

test('the first store on a database makes the tables, the next one finds them', async () => {
  const path = newPath()
  const record = newRecord()
  await openStore(path).create(record)
  assert.deepEqual(await openStore(path).load([record.id], now), [record])
  assert.deepEqual(tablesOf(path), ['sessions', 'sessions_versions'])
  assert.equal(userVersionOf(path), 0, 'it belongs to the app')
})

test('an operator can make the tables, and the store only checks them', async () => {
  const path = newPath()
  using database = new DatabaseSync(path)
  database.exec(sqliteSchema())
  const store = openStore(path, { migrate: false })
  assert.equal(await store.create(newRecord()), 'created')
})

test('with migrate: false missing tables are refused with the SQL to run, and nothing is made', () => {
  for (const prefix of ['', 'app_']) {
    const path = newPath()
    assert.throws(
      () => openStore(path, { migrate: false, prefix }),
      (error) =>
        error instanceof StoreSetupError && error.message.includes(sqliteSchema({ prefix })),
    )
    assert.deepEqual(tablesOf(path), [])
  }
})

test('a prefix keeps the sessions of two apps in one database apart', async () => {
  const path = newPath()
  const [shop, blog] = [openStore(path, { prefix: 'shop_' }), openStore(path, { prefix: 'blog_' })]
  const record = newRecord()
  assert.equal(await shop.create(record), 'created')
  assert.equal(await blog.create({ ...record, data: 'of the blog' }), 'created')
  assert.equal((await shop.load([record.id], now))[0]?.data, '{}')
  assert.deepEqual(tablesOf(path), [
    'blog_sessions',
    'blog_sessions_versions',
    'shop_sessions',
    'shop_sessions_versions',
  ])
})

test('a prefix that cannot begin the name of a table is refused', () => {
  for (const prefix of ['a-b', '1a', 'a b', "a'", 'sqlite_', 'SQLite_x', 'x'.repeat(41), 'ä']) {
    assert.throws(() => sqliteSchema({ prefix }), /prefix: '/, prefix)
  }
})

test('a table of sessions that somebody else made is refused and stays as it is', () => {
  const foreign = {
    'Flask-Session': 'CREATE TABLE sessions (id INTEGER PRIMARY KEY, session_id, data, expiry)',
    'connect-sqlite3': 'CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)',
    'another letter case': 'CREATE TABLE Sessions (sid)',
    'a view': 'CREATE VIEW sessions AS SELECT 1',
  }
  for (const [name, sql] of Object.entries(foreign)) {
    const path = newPath()
    using database = new DatabaseSync(path)
    database.exec(sql)
    const before = readFileSync(path)
    refused(path, /table sessions that sessile did not make.*own.*prefix/)
    assert.deepEqual(readFileSync(path), before, name)
    openStore(path, { prefix: 'web_' })
  }
})

test('an index of somebody else in the way is refused, and nothing is made', () => {
  const path = newPath()
  using database = new DatabaseSync(path)
  database.exec('CREATE TABLE other (a); CREATE INDEX sessions_expires_at ON other (a)')
  refused(path, /cannot be used for sessions/)
  assert.deepEqual(tablesOf(path), ['other'])
})

test('tables of a newer release are refused', () => {
  const path = newPath()
  openStore(path)
  using database = new DatabaseSync(path)
  database.exec(`INSERT INTO sessions_versions VALUES (${newestVersion + 1})`)
  refused(path, /version 2, made by a newer release.*Upgrade sessile/)
})

test('tables that have lost a column are refused', () => {
  const path = newPath()
  openStore(path)
  using database = new DatabaseSync(path)
  database.exec('ALTER TABLE sessions DROP COLUMN ip')
  refused(path, /cannot be used for sessions/)
})

suite('a store in the database of the app', () => {
  for (const name of driverNames) {
    test(`makes its tables beside those of the app, on ${name}`, async () => {
      const client = openClient(name, newPath())
      client.exec('CREATE TABLE users (id INTEGER PRIMARY KEY); PRAGMA user_version = 7')
      const store = sqliteStore(client, { prefix: 'web_' })
      assert.equal(await store.create(newRecord()), 'created')
      assert.equal(Object.values(client.prepare('PRAGMA user_version').get() as object)[0], 7)
      assert.equal(client.prepare('SELECT * FROM users').all().length, 0)
    })

    test(`is not made inside a transaction of the app, on ${name}`, () => {
      const client = openClient(name, newPath())
      client.exec('BEGIN; CREATE TABLE users (id INTEGER PRIMARY KEY)')
      assert.throws(() => sqliteStore(client), /inside a transaction/)
      client.exec('COMMIT')
      sqliteStore(client)
    })
  }
})

test('four processes that start at once make the tables once', async () => {
  for (let round = 0; round < 3; round++) {
    const path = newPath()
    const program = fileURLToPath(new URL('processes/open-on-command.ts', import.meta.url))
    const children = Array.from({ length: 4 }, () => spawn(process.execPath, [program, path]))
    await Promise.all(children.map(({ stdout }) => once(stdout, 'readable')))
    for (const { stdin } of children) stdin.end('go')
    const printed = await Promise.all(children.map(({ stdout }) => text(stdout)))
    assert.deepEqual(printed, Array(4).fill('ready\ncreated\n'))
    assert.equal((await openStore(path).scan({ limit: 10 }, now)).records.length, 4)
  }
})

function refused(path: string, message: RegExp, options?: SqliteFileOptions): void {
  assert.throws(
    () => openStore(path, options),
    (error) => error instanceof StoreSetupError && message.test(error.message),
  )
}

function tablesOf(path: string): unknown[] {
  using database = new DatabaseSync(path)
  const rows = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
  return rows.all().map((row) => row['name'])
}

function userVersionOf(path: string): unknown {
  using database = new DatabaseSync(path)
  return database.prepare('PRAGMA user_version').get()?.['user_version']
}
