import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createSessions, type Sessions } from '../../src/index.ts'
import { withSessions } from '../../src/node.ts'
import { sqliteStore } from '../../src/sqlite.ts'
import { signIn } from '../../src/testing.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Data = { visits: number }

test('ten thousand visitors without a cookie leave no row and get no cookie', async (t) => {
  const { sessions, url } = await start(t)
  let setCookies = 0
  for (let round = 0; round < 100; round++) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/read`)))
    for (const answer of answers) {
      assert.equal(await answer.text(), 'anonymous')
      setCookies += answer.headers.getSetCookie().length
    }
  }
  assert.equal(setCookies, 0)
  assert.equal(await sessions.count(), 0)
})

test('an id that the client invented is never adopted', async (t) => {
  const { sessions, url } = await start(t)
  const invented = `01890a5d-ac96-774b-bcce-b302099a8057.${'A'.repeat(43)}`
  const headers = { cookie: `session=${invented}` }
  const read = await fetch(`${url}/read`, { headers })
  assert.equal(await read.text(), 'anonymous')
  assert.deepEqual(read.headers.getSetCookie(), [])
  const written = await fetch(`${url}/write`, { headers })
  const [setCookie = ''] = written.headers.getSetCookie()
  assert.match(setCookie, /^session=/)
  assert.ok(!setCookie.includes(invented.slice(0, 36)))
  assert.equal(await sessions.count(), 1)
})

test('no string of the database file works as a cookie', async (t) => {
  const { sessions, url, folder } = await start(t)
  const cookie = await signIn(sessions, {
    principal: 'ada',
    data: { visits: 1 },
    userAgent: 'Test',
  })
  const [, secret = ''] = cookie.split('.')
  const [id = ''] = cookie.replace('session=', '').split('.')
  const known = await fetch(`${url}/read`, { headers: { cookie } })
  assert.equal(await known.text(), 'ada')

  const files = (await readdir(folder)).map((name) => join(folder, name))
  const bytes = (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n')
  assert.ok(bytes.includes(id), 'the file is the one that holds the session')
  assert.ok(!bytes.includes(secret), 'the secret is nowhere in it')
  const strings = new Set(bytes.match(/[\x21-\x7e]{8,}/g))
  const secrets = new Set([...strings].flatMap((text) => text.match(/[A-Za-z0-9_-]{43}/g) ?? []))
  const candidates = [
    ...strings,
    ...[...secrets].map((text) => `${id}.${text}`),
    ...[...strings].map((text) => `${id}.${text}`),
  ]
  assert.ok(secrets.size > 0, 'the stored hash has the shape of a secret')
  for (const candidate of candidates) {
    const value = candidate.replaceAll(/[^\x21-\x7e]/g, '')
    const session = await sessions.open({ cookie: `session=${value}` })
    assert.equal(session.principal, null, 'a stored string opened the session')
  }
})

test('a token from before the login opens nothing after it', async (t) => {
  const { sessions, url } = await start(t)
  const before = await signIn(sessions, { data: { visits: 1 } })
  const login = await fetch(`${url}/login`, { headers: { cookie: before } })
  const [setCookie = ''] = login.headers.getSetCookie()
  const after = setCookie.split(';')[0] as string
  const replayed = await fetch(`${url}/read`, { headers: { cookie: before } })
  assert.equal(await replayed.text(), 'anonymous')
  assert.deepEqual(replayed.headers.getSetCookie(), [])
  const known = await fetch(`${url}/read`, { headers: { cookie: after } })
  assert.equal(await known.text(), 'ada')
})

async function start(
  context: TestContext,
): Promise<{ sessions: Sessions<Data>; url: string; folder: string }> {
  const folder = await temporaryFolder(context)
  const sessions = createSessions<Data>({
    store: sqliteStore(join(folder, 'sessions.db'), { allowAnyFileSystem: true }),
    cookie: { secure: false },
    onEvent: () => {},
  })
  const server: Server = createServer(
    withSessions(sessions, (request, response, session) => {
      if (request.url === '/write') session.set('visits', 1)
      if (request.url === '/login') session.login('ada')
      response.end(session.principal ?? 'anonymous')
    }),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(async () => {
    server.close()
    server.closeAllConnections()
    await sessions.close()
  })
  return { sessions, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, folder }
}
