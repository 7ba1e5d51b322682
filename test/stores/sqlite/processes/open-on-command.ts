// Opens a store as soon as its standard input ends, creates a session, and prints what came of it.
import { once } from 'node:events'
import { sqliteStore } from '../../../../src/sqlite.ts'
import { newRecord } from '../records.ts'

const [, , path = ''] = process.argv
console.log('ready')
await once(process.stdin.resume(), 'end')
const store = sqliteStore(path, { allowAnyFileSystem: true })
console.log(await store.create(newRecord()))
await store.close()
