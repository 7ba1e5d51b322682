// A process of its own: a node:http server whose sessions are in the SQLite file named by the first
// argument. Prints its port, and ends when its standard input does.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSessions } from '../../src/index.ts'
import { withSessions } from '../../src/node.ts'
import { sqliteStore } from '../../src/sqlite.ts'

const [, , file = ''] = process.argv

const sessions = createSessions<Record<string, number>>({
  // The temporary folder may be on a RAM disk.
  store: sqliteStore(file, { allowAnyFileSystem: true }),
  storeTimeout: '60s',
  cookie: { secure: false },
})

const server = createServer(
  withSessions(sessions, (request, response, session) => {
    const key = (request.url ?? '/').slice(1)
    session.set(key, 1)
    session.update('counter', (count = 0) => count + 1)
    response.end('counted')
  }),
)

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})

process.stdin.resume().on('end', async () => {
  server.close()
  server.closeAllConnections()
  await sessions.close()
})
