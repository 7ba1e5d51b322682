// Creates and saves sessions until it is killed. Prints what has been answered, and only that.
import { writeSync } from 'node:fs'
import { sqliteStore } from '../../../../src/sqlite.ts'
import { newRecord, now } from '../records.ts'

const [, , path = ''] = process.argv
const store = sqliteStore(path, { allowAnyFileSystem: true })

async function write(): Promise<never> {
  for (;;) {
    const record = newRecord({ data: '1' })
    await store.create(record)
    writeSync(1, `${record.id} 1\n`)
    for (let version = 1; version < 5; version++) {
      await store.save({ ...record, data: `${version + 1}` }, version, now)
      writeSync(1, `${record.id} ${version + 1}\n`)
    }
  }
}

await Promise.all([write(), write(), write()])
