import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { createSessions, type Sessions } from '../../../src/index.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { manualClock, signIn } from '../../../src/testing.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { newDatabaseUrl } from './postgres-databases.ts'
import { watchedPool } from './watched-pool.ts'

/** What docs/stores/postgres.md says: the statements, by what a request does. */
function documented(): Record<string, string[]> {
  const page = readFileSync(new URL('../../../docs/stores/postgres.md', import.meta.url), 'utf8')
  const section = page.split('## What is sent')[1]?.split('\n## ')[0] ?? ''
  const [, , ...rows] = [...section.matchAll(/^\| (.*) \| (.*) \|$/gm)]
  return Object.fromEntries(
    rows.map(([, request = '', statements = '']) => [
      request.replaceAll('`', ''),
      statements === 'nothing' ? [] : statements.replaceAll('`', '').split(', '),
    ]),
  )
}

type Data = Record<string, number>

const clock = manualClock()

type Request = (sessions: Sessions<Data>, cookie: string) => Promise<unknown>

const logIn: Request = async (sessions, cookie) => {
  const session = await sessions.open({ cookie })
  session.login('grace')
  await sessions.save(session)
}

/** By what the page calls them. Each gets the cookie of a signed-in session of its own. */
const requests: Readonly<Record<string, Request>> = {
  'has no cookie of ours': async (sessions) => {
    const session = await sessions.open({ cookie: 'theme=dark; session=nonsense' })
    session.get('count')
    await sessions.save(session)
  },
  'reads its session': async (sessions, cookie) => {
    const session = await sessions.open({ cookie })
    session.get('count')
    await sessions.save(session)
  },
  'reads it, a tenth of the idle timeout after the last time': async (sessions, cookie) => {
    clock.advance('2m')
    const session = await sessions.open({ cookie })
    session.get('count')
    await sessions.save(session)
  },
  'begins a session': async (sessions) => {
    const session = await sessions.open({ cookie: undefined })
    session.set('count', 1)
    await sessions.save(session)
  },
  'changes its session': async (sessions, cookie) => {
    const session = await sessions.open({ cookie })
    session.set('count', 2)
    await sessions.save(session)
  },
  'logs in': logIn,
  'logs out': async (sessions, cookie) => {
    const session = await sessions.open({ cookie })
    session.destroy()
    await sessions.save(session)
  },
  'lists the sessions of a principal': (sessions) => sessions.list('ada'),
  'revokes one of them': async (sessions, cookie) =>
    sessions.revoke(/=([^.]+)\./.exec(cookie)?.[1] ?? '', { principal: 'ada' }),
  'revokes all of them': (sessions) => sessions.revokeAll('ada'),
  'counts all sessions': (sessions) => sessions.count(),
  sweeps: (sessions) => sessions.sweep(),
}

/** The same with `maxPerPrincipal: 1`, and what has happened before. */
const limited: Readonly<Record<string, Request>> = {
  'logs in, with maxPerPrincipal': (sessions) => sessions.revokeAll('grace'),
  'logs in, and that ends the oldest session': (sessions) =>
    signIn(sessions, { principal: 'grace' }),
}

suite('docs/stores/postgres.md tells what is sent', { skip: sharedPostgres.skip }, async () => {
  if (sharedPostgres.skip !== false) return
  const page = documented()
  const url = await newDatabaseUrl()
  const watched = watchedPool(url)
  const options = { store: postgresStore(watched.pool), clock, sweepInterval: false } as const

  async function sentBy(
    request: Request,
    sessions: Sessions<Data>,
    before: Request = async () => {},
  ): Promise<string[]> {
    const cookie = await signIn(sessions, { principal: 'ada', data: { count: 1 } })
    await before(sessions, cookie)
    watched.take()
    await request(sessions, cookie)
    return watched.take()
  }

  for (const [name, request] of Object.entries(requests)) {
    test(`by a request that ${name}`, async () => {
      const sessions = createSessions<Data>(options)
      assert.deepEqual(await sentBy(request, sessions), page[name])
    })
  }

  for (const [name, before] of Object.entries(limited)) {
    test(`by a request that ${name}`, async () => {
      const maxPerPrincipal = { max: 1, onExceed: 'evict-oldest' } as const
      const sessions = createSessions<Data>({ ...options, maxPerPrincipal })
      assert.deepEqual(await sentBy(logIn, sessions, before), page[name])
    })
  }

  test('and leaves nothing out', () => {
    assert.deepEqual(
      Object.keys(page).toSorted(),
      Object.keys({ ...requests, ...limited }).toSorted(),
    )
  })
})
