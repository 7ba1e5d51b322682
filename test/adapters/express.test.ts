import assert from 'node:assert/strict'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import express5 from 'express'
import { sessionMiddleware } from '../../src/express.ts'
import {
  createSessions,
  session as currentSession,
  StoreUnavailableError,
} from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { withSessions } from '../../src/node.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { ask, listen, turns } from '../support/http-exchange.ts'
import { describeAdapter } from './adapter-conformance.ts'
import { createExpress, type ExpressApp, expressAdapter } from './express-app.ts'

for (const version of [4, 5] as const) {
  describeAdapter(expressAdapter(version))
}

type Handler = (
  request: express5.Request,
  response: express5.Response,
  next: (error?: unknown) => void,
) => unknown

type ErrorHandler = (
  error: Error & { status?: number },
  request: express5.Request,
  response: express5.Response,
  next: (error?: unknown) => void,
) => unknown

function createStore({ answersLater = false } = {}) {
  const store = faultyStore(memoryStore(), { answersLater })
  const sessions = createSessions<{ name: string }>({ store, sweepInterval: false, onEvent() {} })
  return { store, sessions }
}

async function serve(app: ExpressApp) {
  return listen(http.createServer(app))
}

function cookieOf({ setCookies }: { setCookies: readonly string[] }) {
  return { Cookie: setCookies[0]?.split(';', 1)[0] as string }
}

const signIn: Handler = (request, response) => {
  request.session.login('ada')
  response.send('welcome')
}

for (const version of [4, 5] as const) {
  describe(`the middleware in Express ${version}`, () => {
    test('that is mounted more than once counts once', async () => {
      const { sessions } = createStore()
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      app.use(sessionMiddleware(sessions))
      const sub = createExpress(version)
      sub.use(sessionMiddleware(sessions))
      sub.get('/login', signIn)
      app.use(sub)
      await using target = await serve(app)
      assert.equal((await ask(`${target.url}/login`)).setCookies.length, 1)
      assert.equal(await sessions.count(), 1)
    })

    test('that is mounted behind one of other sessions is refused', async () => {
      const [outer, inner] = [createStore(), createStore()]
      const app = createExpress(version)
      app.use(sessionMiddleware(outer.sessions))
      app.use('/admin', sessionMiddleware(inner.sessions))
      app.get('/admin', signIn)
      app.use(((error, _request, response, _next) => {
        response.status(500).send((error as { code?: string }).code)
      }) satisfies ErrorHandler)
      await using target = await serve(app)
      assert.equal((await ask(`${target.url}/admin`)).text, 'ERR_SESSION_OPTIONS')
      assert.equal(await outer.sessions.count(), 0)
    })

    test('that is mounted inside withSessions of node:http uses its session', async () => {
      const { sessions } = createStore()
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      app.get('/', ((request, response) => {
        response.send(String(Object.is(request.session, sessions.of(request))))
      }) satisfies Handler)
      const listener = withSessions(sessions, (request, response) => app(request, response))
      await using target = await listen(http.createServer(listener))
      assert.equal((await ask(target.url)).text, 'true')
    })

    test('gives the same session to the request, the manager and the proxy', async () => {
      const { sessions } = createStore()
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      app.get('/', (async (request, response) => {
        assert.equal(sessions.of(request), request.session)
        await turns(1)
        assert.equal(sessions.current(), request.session)
        currentSession.set('name', 'Ada')
        response.json(request.session)
      }) satisfies Handler)
      await using target = await serve(app)
      assert.equal((await ask(target.url)).text, '{"name":"Ada"}')
    })

    test("hands the store's errors to the app's own error handler", async () => {
      const { store, sessions } = createStore({ answersLater: true })
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      app.get('/login', signIn)
      app.get('/read', ((request, response) => {
        response.send(request.session.principal)
      }) satisfies Handler)
      const seen: unknown[] = []
      app.use((async (error, _request, response, _next) => {
        seen.push(error)
        await turns(3)
        response.status(error.status ?? 500).json({ error: error.name })
      }) satisfies ErrorHandler)
      await using target = await serve(app)
      const headers = cookieOf(await ask(`${target.url}/login`))
      store.fail('load')
      store.fail('create')
      for (const path of ['/read', '/login']) {
        const { status, text, setCookies } = await ask(target.url + path, { headers })
        assert.deepEqual([status, setCookies], [503, []])
        assert.equal(text, '{"error":"StoreUnavailableError"}')
      }
      store.heal()
      store.fail('save')
      assert.equal((await ask(`${target.url}/login`, { headers })).status, 503)
      assert.ok(seen.length === 3 && seen.every((error) => error instanceof StoreUnavailableError))
    })

    test('ends no process when the store is down and the handler is async', async () => {
      const { store, sessions } = createStore()
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      app.get('/login', signIn)
      app.get('/read', (async (request, response) => {
        await turns(1)
        response.send(request.session.principal)
      }) satisfies Handler)
      await using target = await serve(app)
      const headers = cookieOf(await ask(`${target.url}/login`))
      store.fail('load')
      assert.equal((await ask(`${target.url}/read`, { headers })).status, 503)
    })

    test('knows the address that a trusted proxy tells', async () => {
      const { sessions } = createStore()
      const app = createExpress(version)
      app.set('trust proxy', 'loopback')
      app.use(sessionMiddleware(sessions))
      app.get('/login', signIn)
      await using target = await serve(app)
      await ask(`${target.url}/login`, { headers: { 'X-Forwarded-For': '192.0.2.7' } })
      assert.equal((await sessions.list('ada'))[0]?.ip, '192.0.2.7')
    })

    test('lets sendFile, json and render-like helpers do their work', async () => {
      const { sessions } = createStore({ answersLater: true })
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      const file = new URL('./held-response-scenarios.ts', import.meta.url).pathname
      app.get('/file', ((request, response) => {
        request.session.set('name', 'Ada')
        response.sendFile(file)
      }) satisfies Handler)
      app.get('/json', ((request, response) => {
        request.session.set('name', 'Ada')
        response.status(201).type('json').json({ ok: true })
      }) satisfies Handler)
      await using target = await serve(app)
      const sent = await ask(`${target.url}/file`)
      assert.equal(sent.setCookies.length, 1)
      assert.equal(Number(sent.headers['content-length']), sent.body.length)
      assert.match(sent.text, /export const scenarios/)
      const again = await ask(`${target.url}/file`, {
        headers: { ...cookieOf(sent), 'If-None-Match': sent.headers.etag },
      })
      assert.deepEqual([again.status, again.text], [304, ''])
      const part = await ask(`${target.url}/file`, { headers: { Range: 'bytes=0-5' } })
      assert.deepEqual([part.status, part.text, part.setCookies.length], [206, 'import', 1])
      const json = await ask(`${target.url}/json`)
      assert.deepEqual([json.status, json.text, json.setCookies.length], [201, '{"ok":true}', 1])
    })

    test('answers what no route answers, and leaves it untouched', async () => {
      const { sessions } = createStore()
      const app = createExpress(version)
      app.use(sessionMiddleware(sessions))
      await using target = await serve(app)
      const { status, headers } = await ask(`${target.url}/nowhere`)
      assert.deepEqual([status, headers.vary], [404, undefined])
    })

    test('works behind a router that was entered before, at the path where it is mounted', async () => {
      const { store, sessions } = createStore()
      const app = createExpress(version)
      const router = express5.Router()
      const paths: unknown[] = []
      router.use(sessionMiddleware(sessions))
      router.get('/login', signIn)
      app.use('/members', router)
      app.use(((error, request, response, _next) => {
        paths.push(request.url, request.baseUrl)
        response.status(error.status ?? 500).send('rendered')
      }) satisfies ErrorHandler)
      await using target = await serve(app)
      assert.equal((await ask(`${target.url}/members/login`)).text, 'welcome')
      store.fail('create')
      assert.equal((await ask(`${target.url}/members/login`)).text, 'rendered')
      assert.deepEqual(paths, ['/members/login', ''])
    })
  })
}

test('without Express, any app that calls (request, response, next) can use the middleware', async () => {
  const { store, sessions } = createStore()
  const middleware = sessionMiddleware(sessions)
  await using target = await listen(
    http.createServer((request: IncomingMessage, response: ServerResponse) => {
      middleware(request, response, (error) => {
        if (error === undefined) sessions.of(request).login('ada')
        response.end(error === undefined ? 'welcome' : (error as Error).name)
      })
    }),
  )
  const first = await ask(target.url)
  assert.equal(first.text, 'welcome')
  store.fail('load')
  const { text } = await ask(target.url, { headers: cookieOf(first) })
  assert.equal(text, 'StoreUnavailableError')
})
