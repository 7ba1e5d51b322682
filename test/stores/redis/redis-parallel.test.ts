import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSessions } from '../../../src/index.ts'
import { redisStore } from '../../../src/redis.ts'
import { signIn } from '../../../src/testing.ts'
import { clientKinds, disconnectAll, newPrefix } from './redis-clients.ts'

const PROCESSES = 4
const REQUESTS = 100

after(disconnectAll)

for (const { name, server, connect } of clientKinds) {
  test(`four processes with a hundred updates each, all at once, lose none: ${name}`, {
    skip: server.skip,
  }, async () => {
    const prefix = newPrefix()
    await using sessions = createSessions<Record<string, number>>({
      store: redisStore(connect(server.url), { prefix }),
      cookie: { secure: false },
      sweepInterval: false,
    })
    const cookie = await signIn(sessions, { principal: 'ada' })
    const program = fileURLToPath(new URL('./counting-process.ts', import.meta.url))
    const names = Array.from({ length: PROCESSES }, (_, index) => `process-${index}`)
    const printed = await Promise.all(
      names.map(async (own) => {
        const given = [name, server.url, prefix, cookie, String(REQUESTS), own]
        const { stdout } = await promisify(execFile)(process.execPath, [program, ...given])
        return stdout
      }),
    )

    assert.deepEqual(printed, new Array(PROCESSES).fill('[]'))
    const session = await sessions.open({ cookie })
    assert.equal(session.get('counter'), PROCESSES * REQUESTS)
    for (const own of names) {
      for (let index = 0; index < REQUESTS; index++) assert.equal(session.get(`${own}-${index}`), 1)
    }
  })
}
