// A process of its own: updates one session of the database that the first argument names, in as many
// parallel requests as the third argument says; the second is the Cookie header. Waits for a line on
// its standard input before it begins, and prints how the requests ended.
import { once } from 'node:events'
import pg from 'pg'
import { createSessions } from '../../../../src/index.ts'
import { postgresStore } from '../../../../src/postgres.ts'

const [, , url = '', cookie = '', count = ''] = process.argv

const pool = new pg.Pool({ connectionString: url })
const sessions = createSessions<Record<string, number>>({
  store: postgresStore(pool, { timeout: '20s' }),
  storeTimeout: '20s',
  cookie: { secure: false },
})

process.stdout.write('ready\n')
await once(process.stdin, 'data')

const endings = await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    try {
      const session = await sessions.open({ cookie })
      session.set(`key-${process.pid}-${index}`, 1)
      session.update('counter', (counter = 0) => counter + 1)
      await sessions.save(session)
      return 'saved'
    } catch (error) {
      return String(error)
    }
  }),
)
process.stdout.write(JSON.stringify(endings))
await sessions.close()
await pool.end()
process.stdin.destroy()
