import { suite, test } from 'node:test'
import type { PostgresStoreOptions } from '../../../src/postgres.ts'
import { storeConformance } from '../../../src/testing.ts'
import { newestPostgres, sharedPostgres, startPostgres } from '../../support/servers/postgres.ts'
import {
  atEnd,
  pgDatabase,
  pgliteDatabase,
  postgresJsDatabase,
  type TestDatabase,
} from './postgres-databases.ts'

interface Subject {
  readonly name: string
  readonly skip: string | false
  readonly openDatabase: () => Promise<TestDatabase>
  readonly options?: PostgresStoreOptions
}

const subjects: readonly Subject[] = [
  { name: 'a Pool of pg', skip: sharedPostgres.skip, openDatabase: pgDatabase },
  {
    name: 'a Pool of pg, without prepared statements',
    skip: sharedPostgres.skip,
    openDatabase: pgDatabase,
    options: { preparedStatements: false },
  },
  {
    name: 'a Pool of pg, PostgreSQL 18',
    skip: newestPostgres.skip,
    openDatabase: async () => {
      const server = await startPostgres({ binaries: newestPostgres.binaries })
      atEnd(() => server.stop())
      return pgDatabase(server.url)
    },
  },
  { name: 'postgres.js', skip: sharedPostgres.skip, openDatabase: postgresJsDatabase },
  { name: 'PGlite', skip: false, openDatabase: pgliteDatabase },
]

for (const { name, skip, openDatabase, options } of subjects) {
  suite(`postgresStore on ${name}`, { skip }, async () => {
    if (skip !== false) return
    const database = await openDatabase()
    const cases = storeConformance({
      open: () => database.open(options),
      connect: () => database.connect(options),
    })
    for (const { group, name: sentence, run } of cases) test(`${group}: ${sentence}`, run)
  })
}
