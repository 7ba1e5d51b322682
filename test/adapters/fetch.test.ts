import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withSessions } from '../../src/fetch.ts'
import {
  createSessions,
  session as currentSession,
  type Session,
  SessionLimitError,
  type SessionRequest,
  type SessionResponse,
} from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { serveFetch } from '../support/fetch-bridge.ts'
import { type AdapterUnderTest, describeAdapter } from './adapter-conformance.ts'
import { nodeResponseCases } from './cases/node-response-cases.ts'

const webHandler: AdapterUnderTest = {
  name: 'a Web handler',
  skips: Object.fromEntries(
    Object.keys(nodeResponseCases).map((name) => [name, 'a Web handler has no node:http response']),
  ),
  async start(sessions, routes) {
    const handle = withSessions(
      sessions,
      async (request, session) => {
        const { pathname, search } = new URL(request.url)
        const handler = routes[pathname as '/']
        if (handler === undefined) throw new Error(`no route ${pathname}`)
        const aborted = new Promise((resolve) => request.signal.addEventListener('abort', resolve))
        const reply = await handler({ session, path: pathname + search, aborted })
        const { status = 200, headers = [], body, redirect } = reply ?? {}
        if (redirect !== undefined) return Response.redirect(new URL(redirect, request.url), 302)
        return new Response(typeof body === 'object' ? streamOf(body) : (body ?? null), {
          status,
          headers: headers.map(([name, value]): [string, string] => [name, value]),
        })
      },
      {
        onError: (error) =>
          new Response('failed', { status: (error as { status?: number }).status ?? 500 }),
      },
    )
    const target = await serveFetch(handle)
    return { url: target.url, close: async () => target[Symbol.asyncDispose]() }
  },
}

/** Begins with the first read, as the body of a response should. */
function streamOf(parts: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return ReadableStream.from(
    (async function* () {
      for await (const part of parts) yield encoder.encode(part)
    })(),
  )
}

describeAdapter(webHandler)

interface Data {
  visits: number
}

function createApp() {
  const store = faultyStore(memoryStore(), { answersLater: true })
  return { store, sessions: createSessions<Data>({ store, sweepInterval: false }) }
}

async function signIn(sessions: ReturnType<typeof createApp>['sessions']): Promise<Request> {
  const login = withSessions(sessions, (_request, session) => {
    session.login('ada')
    return new Response()
  })
  const { headers } = await login(new Request('https://app.example/'))
  const cookie = headers.getSetCookie()[0]?.split(';', 1)[0] as string
  return new Request('https://app.example/', { headers: { cookie } })
}

describe('a Web handler', () => {
  test('gets what the platform passes beside the request', async () => {
    const { sessions } = createApp()
    const handle = withSessions(
      sessions,
      (_request, _session, env: { name: string }, flag: boolean) =>
        new Response(`${env.name} ${flag}`),
    )
    const response = await handle(new Request('https://app.example/'), { name: 'env' }, true)
    assert.equal(await response.text(), 'env true')
  })

  test('tells the address that the platform knows', async () => {
    const { sessions } = createApp()
    const handle = withSessions(
      sessions,
      (_request, session, _address: string) => {
        session.login('ada')
        return new Response()
      },
      { clientAddress: (_request, address) => address },
    )
    await handle(new Request('https://app.example/'), '192.0.2.1')
    assert.equal((await sessions.list('ada'))[0]?.ip, '192.0.2.1')
  })

  test('has its response returned as it is when the session was not used', async () => {
    const { sessions } = createApp()
    const response = new Response('ok')
    assert.equal(
      await withSessions(sessions, () => response)(new Request('https://a.example')),
      response,
    )
  })

  test('may return Response.error() and an upgrade, which stay as they are', async () => {
    const { sessions } = createApp()
    const upgrade = { status: 101, headers: new Headers() } as Response
    for (const response of [Response.error(), upgrade]) {
      const handle = withSessions(sessions, (_request, session) => {
        session.set('visits', 1)
        return response
      })
      assert.equal(await handle(new Request('https://app.example/')), response)
      assert.deepEqual([...response.headers], [])
    }
    assert.equal(await sessions.count(), 0)
  })

  test('may return a response whose headers are immutable', async () => {
    const { sessions } = createApp()
    await using origin = await serveFetch(
      async () => new Response('from elsewhere', { status: 203, headers: { 'X-Origin': 'yes' } }),
    )
    const proxy = withSessions(sessions, (_request, session) => {
      session.set('visits', 1)
      return fetch(origin.url)
    })
    const response = await proxy(new Request('https://app.example/'))
    assert.equal(response.status, 203)
    assert.equal(response.headers.get('x-origin'), 'yes')
    assert.equal(response.headers.getSetCookie().length, 1)
    assert.equal(await response.text(), 'from elsewhere')
  })

  test('has the errors of the store answered in plain text', async () => {
    const { store, sessions } = createApp()
    const request = await signIn(sessions)
    const handle = withSessions(sessions, (_request, session) => {
      session.update('visits', (visits = 0) => visits + 1)
      return new Response('secret', { headers: { 'X-Secret': 'yes' } })
    })
    for (const verb of ['save', 'load'] as const) {
      store.fail(verb)
      const response = await handle(request)
      assert.equal(response.status, 503)
      assert.equal(response.headers.get('x-secret'), null)
      assert.equal(await response.text(), 'Service Unavailable\n')
    }
    const limited = withSessions(sessions, () => {
      throw new SessionLimitError('Too many.')
    })
    const response = await limited(new Request('https://app.example/'))
    assert.equal(response.status, 409)
    assert.equal(await response.text(), 'Conflict\n')
  })

  test('has its other errors thrown, its changes dropped and its destroy() done', async () => {
    const { sessions } = createApp()
    const error = new Error('on purpose')
    const fail = (change: (session: Session<Data>) => void) =>
      withSessions(sessions, (_request, session) => {
        change(session)
        throw error
      })
    const request = await signIn(sessions)
    const isError = (thrown: unknown) => thrown === error
    await assert.rejects(fail((session) => session.set('visits', 1))(request), isError)
    const read = withSessions(sessions, (_request, { size }) => new Response(String(size)))
    assert.equal(await (await read(request)).text(), '0')
    await assert.rejects(fail((session) => session.destroy())(request), isError)
    assert.equal(await sessions.count(), 0)
  })

  test('has its session saved once, and is asked once more what the error must carry', async () => {
    const { sessions } = createApp()
    const error = new Error('on purpose')
    const statuses: unknown[] = []
    const failing = {
      open: (request: SessionRequest) => sessions.open(request),
      save(_session: unknown, { status }: SessionResponse = {}) {
        statuses.push(status)
        throw error
      },
    }
    const handle = withSessions(failing, (_request, { size }) => new Response(String(size)))
    await assert.rejects(handle(new Request('https://app.example/')), (thrown) => thrown === error)
    assert.deepEqual(statuses, [200, 500])
  })

  test('may have its errors rendered with the session', async () => {
    const { sessions } = createApp()
    const handle = withSessions(
      sessions,
      () => {
        throw new Error('on purpose')
      },
      {
        onError: async (_error, { url }) =>
          new Response(`${currentSession.principal} at ${url}`, {
            status: 418,
            headers: { 'Cache-Control': 'no-store' },
          }),
      },
    )
    const response = await handle(await signIn(sessions))
    assert.equal(response.status, 418)
    assert.equal(await response.text(), 'ada at https://app.example/')
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(response.headers.get('vary'), 'Cookie')
  })
})
