// Adds to the number in one session, by so many callers at once, each until its save fits.
import { sqliteStore } from '../../../../src/sqlite.ts'
import { now } from '../records.ts'

const [, , path = '', id = '', callers = ''] = process.argv
const store = sqliteStore(path, { allowAnyFileSystem: true, busyTimeout: '60s' })

async function addOne(): Promise<void> {
  for (;;) {
    const [record] = await store.load([id], now)
    if (record === undefined) throw new Error('the session is gone')
    const next = { ...record, data: `${Number(record.data) + 1}` }
    if ((await store.save(next, record.version, now)) === 'saved') return
  }
}

await Promise.all(Array.from({ length: Number(callers) }, addOne))
await store.close()
console.log('done')
