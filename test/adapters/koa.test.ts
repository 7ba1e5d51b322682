import assert from 'node:assert/strict'
import http from 'node:http'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import compression from 'compression'
import express from 'express'
import Koa from 'koa'
import { sessionMiddleware as expressMiddleware } from '../../src/express.ts'
import { createSessions, session as currentSession, type SessionError } from '../../src/index.ts'
import { type SessionContext, sessionMiddleware } from '../../src/koa.ts'
import { memoryStore } from '../../src/memory.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { ask, listen, turns } from '../support/http-exchange.ts'
import { type AdapterUnderTest, describeAdapter, type Reply } from './adapter-conformance.ts'

const koa: AdapterUnderTest = {
  name: 'Koa 3',
  async start(sessions, routes, options) {
    const app = new Koa()
    app.silent = true
    const compress = compression({ threshold: 0 })
    const mountCompression = () =>
      app.use(
        ({ req, res }, next) =>
          new Promise((resolve, reject) => {
            compress(req as never, res as never, () => void next().then(resolve, reject))
          }),
      )
    if (options.compression === 'before') mountCompression()
    app.use(sessionMiddleware(sessions))
    if (options.compression === 'after') mountCompression()
    app.use(async (ctx) => {
      const handler = routes[ctx.path as '/']
      if (handler === undefined) throw new Error(`no route ${ctx.path}`)
      const aborted = new Promise((resolve) => ctx.res.once('close', resolve))
      const session = sessions.of(ctx)
      const reply = await handler({ session, path: ctx.url, aborted, response: ctx.res })
      if (reply) send(ctx, reply)
      else ctx.respond = false
    })
    const target = await listen(http.createServer(app.callback()))
    return { url: target.url, close: async () => target[Symbol.asyncDispose]() }
  },
}

function send(ctx: Koa.Context, { status = 200, headers = [], body, redirect }: Reply): void {
  ctx.status = status
  for (const [name, value] of headers) ctx.append(name, value)
  if (redirect !== undefined) ctx.redirect(redirect)
  else if (body !== undefined) ctx.body = typeof body === 'object' ? Readable.from(body) : body
}

describeAdapter(koa)

interface Data {
  name: string
}

async function serve(
  configure: (
    app: Koa<Koa.DefaultState, SessionContext<Data>>,
    sessions: ReturnType<typeof createSessions<Data>>,
  ) => void,
) {
  const store = faultyStore(memoryStore(), { answersLater: true })
  const sessions = createSessions<Data>({ store, sweepInterval: false, onEvent() {} })
  const app = new Koa<Koa.DefaultState, SessionContext<Data>>()
  const errors: SessionError[] = []
  app.on('error', (error) => errors.push(error))
  configure(app, sessions)
  return { ...(await listen(http.createServer(app.callback()))), store, sessions, errors }
}

function cookieOf({ setCookies }: { setCookies: readonly string[] }) {
  return { Cookie: setCookies[0]?.split(';', 1)[0] as string }
}

describe('the middleware in Koa', () => {
  test('gives the same session to the context, the request, the manager and the proxy', async () => {
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use(async (ctx) => {
        assert.equal(sessions.of(ctx), ctx.session)
        assert.equal(sessions.of(ctx.req), ctx.session)
        await turns(1)
        assert.equal(sessions.current(), ctx.session)
        currentSession.set('name', 'Ada')
        ctx.body = ctx.session.toJSON()
      })
    })
    assert.equal((await ask(target.url)).text, '{"name":"Ada"}')
  })

  test('that is mounted more than once counts once', async () => {
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.session.login('ada')
        ctx.body = 'welcome'
      })
    })
    assert.equal((await ask(target.url)).setCookies.length, 1)
    assert.equal(await target.sessions.count(), 1)
  })

  test('that is mounted behind one of other sessions is refused', async () => {
    const others = createSessions<Data>({ store: memoryStore(), sweepInterval: false })
    await using target = await serve((app, sessions) => {
      app.silent = true
      app.use(sessionMiddleware(sessions))
      app.use(sessionMiddleware(others))
      app.use((ctx) => ctx.session.login('ada'))
    })
    assert.equal((await ask(target.url)).status, 500)
    assert.equal(await target.sessions.count(), 0)
  })

  test('finds the session of an Express app around it', async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), sweepInterval: false })
    const app = new Koa<Koa.DefaultState, SessionContext<Data>>()
    app.use(sessionMiddleware(sessions))
    app.use((ctx) => {
      ctx.session.set('name', 'Ada')
      ctx.body = 'ok'
    })
    const outer = express().use(expressMiddleware(sessions)).use(app.callback())
    await using target = await listen(http.createServer(outer))
    assert.equal((await ask(target.url)).setCookies.length, 1)
  })

  test('stores with ctx.throw() below 500, and drops the changes from 500 on', async () => {
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.session.set('name', ctx.path)
        ctx.throw(Number(ctx.path.slice(1)), 'on purpose')
      })
    })
    const refused = await ask(`${target.url}/403`)
    assert.deepEqual(
      [refused.status, refused.text, refused.setCookies.length],
      [403, 'on purpose', 1],
    )
    assert.equal(refused.headers.vary, 'Cookie')
    const failed = await ask(`${target.url}/500`)
    assert.deepEqual([failed.status, failed.setCookies.length], [500, 0])
    assert.equal(await target.sessions.count(), 1)
    assert.equal(target.errors.length, 2)
  })

  test('hands an error of loading to the middleware around it', async () => {
    await using target = await serve((app, sessions) => {
      app.use(async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.status = (error as SessionError).status
          ctx.body = (error as SessionError).name
        }
      })
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.session.login('ada')
        ctx.body = 'welcome'
      })
    })
    const headers = cookieOf(await ask(target.url))
    target.store.fail('load')
    const { status, text } = await ask(target.url, { headers })
    assert.deepEqual([status, text], [503, 'StoreUnavailableError'])
    assert.deepEqual(target.errors, [])
  })

  test('tells the app of an error of storing, and answers with its status', async () => {
    const stream = Readable.from(['se', 'cret'])
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.session.set('name', 'Ada')
        ctx.body = ctx.path === '/stream' ? stream : { secret: true }
      })
    })
    target.store.fail('create')
    for (const path of ['/json', '/stream']) {
      const { status, text, headers } = await ask(target.url + path)
      assert.deepEqual([status, text], [503, 'Service Unavailable'])
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
    }
    await turns(5)
    assert.equal(stream.destroyed, true)
    // Koa itself reports each stream that did not get to its end.
    assert.deepEqual(
      target.errors.map(({ code }) => code),
      [
        'ERR_SESSION_STORE_UNAVAILABLE',
        'ERR_SESSION_STORE_UNAVAILABLE',
        'ERR_STREAM_PREMATURE_CLOSE',
      ],
    )
  })

  test('stores before an app answers by itself, with ctx.respond = false', async () => {
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.respond = false
        ctx.session.set('name', 'Ada')
        ctx.res.writeHead(200, { 'Set-Cookie': 'a=1' })
        ctx.res.end('by itself')
      })
    })
    const { text, setCookies } = await ask(target.url)
    assert.deepEqual([text, setCookies.length], ['by itself', 2])
    target.store.fail('create')
    assert.equal((await ask(target.url)).status, 503)
  })

  test("leaves the cookies that are set with ctx.cookies beside the session's", async () => {
    await using target = await serve((app, sessions) => {
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.cookies.set('theme', 'dark')
        ctx.session.set('name', 'Ada')
        ctx.body = 'ok'
      })
    })
    const { setCookies } = await ask(target.url)
    assert.match(setCookies.join('\n'), /^theme=dark.*\n__Host-session=/)
  })

  test('knows the address that a trusted proxy tells', async () => {
    await using target = await serve((app, sessions) => {
      app.proxy = true
      app.use(sessionMiddleware(sessions))
      app.use((ctx) => {
        ctx.session.login('ada')
        ctx.body = 'welcome'
      })
    })
    await ask(target.url, { headers: { 'X-Forwarded-For': '192.0.2.7' } })
    assert.equal((await target.sessions.list('ada'))[0]?.ip, '192.0.2.7')
  })
})
