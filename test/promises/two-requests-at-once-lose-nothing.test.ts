import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createSessions } from '../../src/index.ts'
import { sqliteStore } from '../../src/sqlite.ts'
import { signIn } from '../../src/testing.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROCESSES = 4
const REQUESTS = 100

test('four processes with a hundred requests each keep every key and every count', async (t) => {
  const file = join(await temporaryFolder(t), 'sessions.db')
  await using sessions = createSessions<Record<string, number>>({
    store: sqliteStore(file, { allowAnyFileSystem: true }),
    cookie: { secure: false },
  })
  const cookie = await signIn(sessions, { principal: 'ada' })
  const ports = await Promise.all(Array.from({ length: PROCESSES }, () => startServer(t, file)))

  const keys = ports.flatMap((port) =>
    Array.from({ length: REQUESTS }, (_, index) => ({ port, key: `key-${port}-${index}` })),
  )
  const answers = await Promise.all(
    keys.map(async ({ port, key }) => {
      const response = await fetch(`http://127.0.0.1:${port}/${key}`, { headers: { cookie } })
      return `${response.status} ${await response.text()}`
    }),
  )

  assert.deepEqual([...new Set(answers)], ['200 counted'])
  const session = await sessions.open({ cookie })
  assert.equal(session.get('counter'), PROCESSES * REQUESTS)
  for (const { key } of keys) assert.equal(session.get(key), 1, key)
})

async function startServer(context: TestContext, file: string): Promise<number> {
  const program = fileURLToPath(new URL('../support/counting-server.ts', import.meta.url))
  const child = spawn(process.execPath, [program, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  context.after(async () => {
    if (child.exitCode !== null) return
    child.stdin.end()
    await once(child, 'exit')
  })
  const [printed] = await once(child.stdout, 'data')
  return Number(String(printed))
}
