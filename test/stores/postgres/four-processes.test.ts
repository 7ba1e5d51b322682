import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSessions } from '../../../src/index.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { signIn } from '../../../src/testing.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newDatabaseUrl, newPool } from './postgres-databases.ts'

const PROCESSES = 4
const REQUESTS = 100

test('four processes with a hundred parallel requests each on one session lose nothing', {
  skip: sharedPostgres.skip,
}, async () => {
  const url = await newDatabaseUrl()
  await using sessions = createSessions<Record<string, number>>({
    store: postgresStore(newPool(url)),
    cookie: { secure: false },
  })
  const cookie = await signIn(sessions, { principal: 'ada' })

  const program = fileURLToPath(new URL('processes/count.ts', import.meta.url))
  const processes = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, [program, url, cookie, `${REQUESTS}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  await Promise.all(processes.map(({ stdout }) => once(stdout, 'data')))
  for (const { stdin } of processes) stdin.write('go\n')
  const printed = await Promise.all(
    processes.map(async ({ stdout }) => Buffer.concat(await stdout.toArray()).toString()),
  )

  const endings: string[] = printed.flatMap((text) => JSON.parse(text))
  assert.equal(endings.length, PROCESSES * REQUESTS)
  assert.deepEqual([...new Set(endings)], ['saved'])
  const session = await sessions.open({ cookie })
  assert.equal(session.get('counter'), PROCESSES * REQUESTS)
  for (const { pid } of processes) {
    for (let index = 0; index < REQUESTS; index++) {
      assert.equal(session.get(`key-${pid}-${index}`), 1)
    }
  }
})
