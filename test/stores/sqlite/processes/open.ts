// Opens a store, creates a session, and prints what came of it.
import { SessionError } from '../../../../src/core/errors.ts'
import { sqliteStore } from '../../../../src/sqlite.ts'
import { newRecord } from '../records.ts'

const [, , path = ''] = process.argv
try {
  const store = sqliteStore(path, { allowAnyFileSystem: true })
  console.log(await store.create(newRecord()))
  await store.close()
} catch (error) {
  if (!(error instanceof SessionError)) throw error
  console.log(error.code, error.message)
}
