// Writes once, does not close the store, and has nothing else to do.
import { sqliteStore } from '../../../../src/sqlite.ts'
import { newRecord } from '../records.ts'

const [, , path = ''] = process.argv
const store = sqliteStore(path, { allowAnyFileSystem: true, busyTimeout: '30s' })
const created = store.create(newRecord())
console.log('accepted')
console.log(await created)
