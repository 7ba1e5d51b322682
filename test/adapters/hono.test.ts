import assert from 'node:assert/strict'
import { describe, mock, test } from 'node:test'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import { deleteCookie, setCookie } from 'hono/cookie'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { streamText } from 'hono/streaming'
import { type SessionEnv, sessionMiddleware } from '../../src/hono.ts'
import { createSessions, session as currentSession, type SessionError } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { serveFetch } from '../support/fetch-bridge.ts'
import { ask, turns } from '../support/http-exchange.ts'
import { describeAdapter } from './adapter-conformance.ts'
import { honoAdapter, serveHono } from './hono-app.ts'

// Errors that nobody handles are logged, and these are made on purpose.
const log = mock.method(console, 'error', () => {})

describeAdapter(honoAdapter)

interface Data {
  name: string
}

function createApp() {
  const store = faultyStore(memoryStore(), { answersLater: true })
  const sessions = createSessions<Data>({ store, sweepInterval: false, onEvent() {} })
  const app = new Hono<SessionEnv<Data>>()
  return { store, sessions, app }
}

function cookieOf(response: Response) {
  return { Cookie: response.headers.getSetCookie()[0]?.split(';', 1)[0] as string }
}

const names = (response: Response) =>
  response.headers.getSetCookie().map((text) => text.split('=', 1)[0])

describe('the middleware in Hono', () => {
  test('gives the same session to the context, the request, the manager and the proxy', async () => {
    const { sessions, app } = createApp()
    app.use(sessionMiddleware(sessions))
    app.get('/', async (c) => {
      assert.equal(sessions.of(c), c.var.session)
      assert.equal(sessions.of(c.req.raw), c.get('session'))
      await turns(1)
      assert.equal(sessions.current(), c.var.session)
      currentSession.set('name', 'Ada')
      return c.json(c.var.session)
    })
    const response = await app.request('/')
    assert.deepEqual(
      [await response.text(), names(response)],
      ['{"name":"Ada"}', ['__Host-session']],
    )
  })

  test('that is mounted more than once counts once, also in a sub-app', async () => {
    const { sessions, app } = createApp()
    const inner = new Hono<SessionEnv<Data>>()
    app.use(sessionMiddleware(sessions))
    app.use(sessionMiddleware(sessions))
    inner.use(sessionMiddleware(sessions))
    inner.get('/login', (c) => {
      c.var.session.login('ada')
      return c.text('welcome')
    })
    app.route('/members', inner)
    const response = await app.request('/members/login')
    assert.deepEqual([await response.text(), names(response)], ['welcome', ['__Host-session']])
    assert.equal(await sessions.count(), 1)
  })

  test('is refused behind one of other sessions', async () => {
    const { sessions, app } = createApp()
    app.use(sessionMiddleware(sessions))
    app.use(sessionMiddleware(createApp().sessions))
    app.get('/', (c) => c.text(String(c.var.session.size)))
    app.onError((error) => new Response((error as SessionError).code, { status: 500 }))
    assert.equal(await (await app.request('/')).text(), 'ERR_SESSION_OPTIONS')
  })

  test('works for the paths where it is mounted, and not beside', async () => {
    const { sessions, app } = createApp()
    app.use('/members/*', sessionMiddleware(sessions))
    app.get('/members/me', (c) => c.text(String(c.var.session.isNew)))
    app.get('/beside', (c) => c.text(String(c.get('session'))))
    assert.equal(await (await app.request('/members/me')).text(), 'true')
    assert.equal(await (await app.request('/beside')).text(), 'undefined')
    const nowhere = await app.request('/members/nowhere')
    assert.deepEqual([nowhere.status, nowhere.headers.get('vary')], [404, null])
  })

  test('has the errors of the store answered by Hono with their status, and not logged', async () => {
    const { store, sessions, app } = createApp()
    app.use(sessionMiddleware(sessions))
    app.get('/', (c) => {
      c.var.session.login('ada')
      return c.json({ secret: true }, 201, { 'X-Secret': 'yes' })
    })
    const headers = cookieOf(await app.request('/'))
    log.mock.resetCalls()
    for (const verb of ['save', 'load'] as const) {
      store.fail(verb)
      const response = await app.request('/', { headers })
      assert.deepEqual([response.status, await response.text()], [503, 'Service Unavailable\n'])
      assert.equal(response.headers.get('x-secret'), null)
    }
    assert.equal(log.mock.callCount(), 0)
  })

  test('hands them to onError, with a status already set and nothing left of the answer', async () => {
    const { store, sessions, app } = createApp()
    app.use(cors())
    app.use(async (c, next) => {
      c.header('X-Request-Id', '1')
      c.header('Set-Cookie', 'before=1', { append: true })
      await next()
    })
    app.use(sessionMiddleware(sessions))
    app.get('/', (c) => {
      c.var.session.set('name', 'Ada')
      setCookie(c, 'a', '1')
      c.header('X-Secret', 'yes')
      c.status(201)
      return c.redirect('/elsewhere')
    })
    app.onError((error, c) => c.text(`rendered ${(error as SessionError).code}`))
    assert.deepEqual(names(await app.request('/')), ['before', 'a', '__Host-session'])
    store.fail('create')
    const response = await app.request('/')
    assert.equal(response.status, 503)
    assert.equal(await response.text(), 'rendered ERR_SESSION_STORE_UNAVAILABLE')
    assert.deepEqual(names(response), ['before'])
    const header = (name: string) => response.headers.get(name)
    assert.deepEqual([header('x-secret'), header('location')], [null, null])
    assert.deepEqual([header('x-request-id'), header('access-control-allow-origin')], ['1', '*'])
  })

  test('stores with an HTTPException below 500, and drops the changes from 500 on', async () => {
    const { sessions, app } = createApp()
    app.use(sessionMiddleware(sessions))
    app.get('/:status', (c) => {
      c.var.session.set('name', 'Ada')
      throw new HTTPException(c.req.param('status') === '403' ? 403 : 500)
    })
    const refused = await app.request('/403')
    assert.deepEqual([refused.status, names(refused)], [403, ['__Host-session']])
    const failed = await app.request('/500')
    assert.deepEqual([failed.status, names(failed)], [500, []])
    assert.equal(await sessions.count(), 1)
  })

  test('lets a logout be final although what is thrown is no Error, or onError fails', async () => {
    for (const thrown of ['no error', new Error('on purpose')]) {
      const { sessions, app } = createApp()
      app.use(sessionMiddleware(sessions))
      app.get('/login', (c) => {
        c.var.session.login('ada')
        return c.text('welcome')
      })
      app.get('/logout', (c) => {
        c.var.session.destroy()
        throw thrown
      })
      app.onError((error) => {
        throw error
      })
      const headers = cookieOf(await app.request('/login'))
      await assert.rejects(
        async () => app.request('/logout', { headers }),
        (reason) => reason === thrown,
      )
      assert.equal(await sessions.count(), 0)
    }
  })

  test('may be answered with a response whose headers are immutable, and with Response.error()', async () => {
    await using origin = await serveFetch(
      async () => new Response('from elsewhere', { status: 203, headers: { 'Set-Cookie': 'a=1' } }),
    )
    const { sessions, app } = createApp()
    app.use(sessionMiddleware(sessions))
    app.get('/proxy', (c) => {
      c.var.session.set('name', 'Ada')
      return fetch(origin.url)
    })
    app.get('/error', (c) => {
      c.var.session.set('name', 'Ada')
      return Response.error()
    })
    const response = await app.request('/proxy')
    assert.deepEqual([response.status, await response.text()], [203, 'from elsewhere'])
    assert.deepEqual(names(response), ['a', '__Host-session'])
    assert.equal((await app.request('/error')).type, 'error')
    assert.equal(await sessions.count(), 1)
  })

  test('works with cookies, compression and streams of Hono', async () => {
    for (const order of ['before', 'after']) {
      const { sessions, app } = createApp()
      if (order === 'before') app.use(compress({ threshold: 0 }))
      app.use(sessionMiddleware(sessions))
      if (order === 'after') app.use(compress({ threshold: 0 }))
      app.get('/', (c) => {
        c.var.session.set('name', 'Ada')
        setCookie(c, 'a', '1')
        deleteCookie(c, 'b')
        return streamText(c, async (stream) => {
          await stream.write('one ')
          await stream.write(c.var.session.get('name') ?? '')
        })
      })
      await using target = await serveHono(app)
      const response = await fetch(target.url)
      assert.equal(await response.text(), 'one Ada')
      assert.deepEqual(names(response), ['a', 'b', '__Host-session'], order)
    }
  })

  test('tells the address that the platform knows', async () => {
    const { sessions, app } = createApp()
    app.use(
      sessionMiddleware(sessions, { clientAddress: (c: Context) => getConnInfo(c).remote.address }),
    )
    app.get('/', (c) => {
      c.var.session.login('ada')
      return c.text('welcome')
    })
    await using target = await serveHono(app)
    await ask(target.url)
    assert.equal((await sessions.list('ada'))[0]?.ip, '127.0.0.1')
  })
})
