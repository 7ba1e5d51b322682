// Holds the lock of a database until its standard input ends.
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'

const [, , path = ''] = process.argv
const database = new DatabaseSync(path)
database.exec('BEGIN IMMEDIATE')
console.log('locked')
await once(process.stdin.resume(), 'end')
database.exec('COMMIT')
database.close()
