import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'
import type { Store } from '../../../src/core/store.ts'
import type { PostgresClient, PostgresStoreOptions } from '../../../src/postgres.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'

/** A client of each kind, and how a second process would connect to the same database. */
export interface TestDatabase {
  /** Opens a store on empty tables. */
  open(options?: PostgresStoreOptions): Promise<Store>
  /** Opens another store, by another client if the database can have two. */
  connect(options?: PostgresStoreOptions): Promise<Store>
  /** Runs SQL beside the stores. */
  run(sql: string): Promise<unknown>
}

interface OpenClient {
  readonly client: PostgresClient
  run(sql: string): Promise<unknown>
  end(): Promise<unknown>
}

/** What the test file has opened, in order; it ends in the reverse order. */
const opened: (() => Promise<unknown>)[] = []
after(async () => {
  for (const end of opened.reverse()) await end()
})

/** Ends something when the test file ends, after everything that is opened later. */
export function atEnd(end: () => Promise<unknown>): void {
  opened.push(end)
}

/** A database of its own in the shared server, gone when the test file ends. */
export async function newDatabaseUrl(serverUrl: string = sharedPostgres.url): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await once(serverUrl, `CREATE DATABASE ${name}`)
  atEnd(() => once(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

/** Runs SQL on a connection of its own. */
export async function once(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** A pool that ends with the test file. */
export function newPool(url: string, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, ...config })
  atEnd(() => pool.end())
  return pool
}

export async function pgDatabase(url?: string): Promise<TestDatabase> {
  const databaseUrl = url ?? (await newDatabaseUrl())
  return testDatabase(() => {
    const pool = new pg.Pool({ connectionString: databaseUrl })
    return { client: pool, run: (sql) => pool.query(sql), end: () => pool.end() }
  })
}

export async function postgresJsDatabase(): Promise<TestDatabase> {
  const url = await newDatabaseUrl()
  return testDatabase(() => {
    const sql = postgres(url, { onnotice: () => {} })
    return { client: sql, run: async (text) => sql.unsafe(text), end: () => sql.end() }
  })
}

export async function pgliteDatabase(): Promise<TestDatabase> {
  const database = await PGlite.create()
  const shared = { client: database, run: (sql: string) => database.exec(sql), end: async () => {} }
  atEnd(() => database.close())
  return testDatabase(() => shared)
}

function testDatabase(openClient: () => OpenClient): TestDatabase {
  const [first, second] = [openClient(), openClient()]
  atEnd(() => Promise.all([first.end(), second.end()]))
  let isMade = false
  return {
    async open(options) {
      if (isMade) await first.run('DELETE FROM sessions')
      const store = postgresStore(first.client, options)
      await store.scan({ limit: 1 }, 0)
      isMade = true
      return store
    },
    connect: async (options) => postgresStore(second.client, options),
    run: (sql) => first.run(sql),
  }
}
