// biome-ignore-all lint/nursery/noMisusedPromises: Biome takes Fastify's overloads for functions of void
// biome-ignore-all lint/nursery/noFloatingPromises: Fastify's promises may be left to it
// biome-ignore-all lint/nursery/useAwaitThenable: Fastify's promises are none to Biome
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance } from 'fastify'
import { sessionPlugin } from '../../src/fastify.ts'
import { createSessions, session as currentSession } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { ask, turns } from '../support/http-exchange.ts'
import { describeAdapter } from './adapter-conformance.ts'
import { close, fastifyAdapter, listen } from './fastify-app.ts'

describeAdapter(fastifyAdapter)

interface Data {
  name: string
}

function createStore() {
  const store = faultyStore(memoryStore(), { answersLater: true })
  return { store, sessions: createSessions<Data>({ store, sweepInterval: false, onEvent() {} }) }
}

async function serve(
  configure: (app: FastifyInstance, given: ReturnType<typeof createStore>) => void,
) {
  const app = fastify()
  const given = createStore()
  configure(app, given)
  return { url: await listen(app), ...given, [Symbol.asyncDispose]: () => close(app) }
}

async function inject(app: FastifyInstance, url: string, headers: Record<string, string>) {
  return app.inject({ url, headers })
}

const names = (setCookies: readonly string[]) => setCookies.map((text) => text.split('=', 1)[0])

describe('the plugin in Fastify', () => {
  test('gives the same session to the request, the manager and the proxy', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.post('/', async (request) => {
        assert.equal(sessions.of(request), request.session)
        assert.equal(sessions.of(request.raw), request.session)
        await turns(1)
        assert.equal(sessions.current(), request.session)
        currentSession.set('name', (request.body as { name: string }).name)
        return request.session
      })
    })
    const { text, setCookies } = await ask(target.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"name":"Ada"}',
    })
    assert.deepEqual([text, setCookies.length], ['{"name":"Ada"}', 1])
  })

  test('finds the session in the proxy after a body that came in parts', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.post('/', async (request) => {
        currentSession.set('name', request.body as string)
        return currentSession
      })
    })
    const headers = { 'Content-Type': 'text/plain' }
    const request = http.request(target.url, { method: 'POST', headers, agent: false })
    request.write('Ada ')
    await turns(50)
    request.end('Lovelace')
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    assert.equal(await text(response), '{"name":"Ada Lovelace"}')
  })

  test('works for the instance that registers it and below, and not beside', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(async (members) => {
        members.register(sessionPlugin, { sessions })
        members.register(async (deep) => {
          deep.get('/deep', async (request) => request.session.get('name') ?? 'nobody')
        })
      })
      app.get('/beside', async (request) => String(request.session))
    })
    assert.equal((await ask(`${target.url}/deep`)).text, 'nobody')
    assert.equal((await ask(`${target.url}/beside`)).text, 'undefined')
  })

  test('is refused at start where it would count twice', async () => {
    const { sessions } = createStore()
    const app = fastify()
    app.register(sessionPlugin, { sessions })
    app.register((inner, _options, done) => {
      inner.register(sessionPlugin, { sessions })
      done()
    })
    const error = await new Promise((resolve) => app.ready(resolve))
    assert.equal((error as { code?: string } | null)?.code, 'FST_ERR_DEC_ALREADY_PRESENT')
  })

  for (const order of ['before', 'after'] as const) {
    test(`works beside @fastify/cookie, registered ${order} it`, async () => {
      await using target = await serve((app, { sessions }) => {
        if (order === 'after') app.register(cookie)
        app.register(sessionPlugin, { sessions })
        if (order === 'before') app.register(cookie)
        app.get('/', async (request, reply) => {
          reply.setCookie('a', '1').header('Set-Cookie', 'b=2')
          request.session.set('name', 'Ada')
          reply.setCookie('c', '3')
          return Object.keys(request.cookies)
        })
      })
      const first = await ask(target.url)
      assert.deepEqual(names(first.setCookies).toSorted(), ['__Host-session', 'a', 'b', 'c'])
      const pairs = first.setCookies.map((text) => text.split(';', 1)[0]).join('; ')
      const second = await ask(target.url, { headers: { Cookie: pairs } })
      assert.deepEqual(JSON.parse(second.text).toSorted(), ['__Host-session', 'a', 'b', 'c'])
      assert.deepEqual(names(second.setCookies).toSorted(), ['a', 'b', 'c'])
    })
  }

  test('leaves cookies on the raw response, and headers of hooks before it', async () => {
    await using target = await serve((app, { sessions }) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.header('Access-Control-Allow-Origin', '*')
        reply.raw.setHeader('Set-Cookie', 'raw=1')
      })
      app.register(sessionPlugin, { sessions })
      app.get('/', async (request, reply) => {
        reply.header('X-Secret', 'yes')
        request.session.set('name', 'Ada')
        return 'ok'
      })
    })
    const { setCookies } = await ask(target.url)
    assert.deepEqual(names(setCookies), ['raw', '__Host-session'])
    target.store.fail('create')
    const failed = await ask(target.url)
    assert.equal(failed.status, 503)
    assert.equal(failed.headers['access-control-allow-origin'], '*')
    assert.equal(failed.headers['x-secret'], undefined)
    assert.deepEqual(names(failed.setCookies), ['raw'])
  })

  test('hands the errors of the store to the error handler, with a status already set', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.setErrorHandler((error: Error, _request, reply) => reply.send(`rendered ${error.name}`))
      app.get('/', async (request, reply) => {
        request.session.login('ada')
        reply.code(201)
        return { secret: true }
      })
    })
    const { setCookies } = await ask(target.url)
    const Cookie = setCookies[0]?.split(';', 1)[0] as string
    target.store.fail('create')
    target.store.fail('save')
    const failed = await ask(target.url)
    assert.deepEqual([failed.status, failed.text], [503, 'rendered StoreUnavailableError'])
    assert.equal((await ask(target.url, { headers: { Cookie } })).status, 503)
  })

  test('answers in JSON by default, without details', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.get('/', async (request) => request.session.login('ada'))
    })
    target.store.fail('create')
    const { text } = await ask(target.url)
    const { statusCode, code, error } = JSON.parse(text)
    assert.deepEqual(
      [statusCode, code, error],
      [503, 'ERR_SESSION_STORE_UNAVAILABLE', 'Service Unavailable'],
    )
  })

  test('closes the stream of an answer that is not sent', async () => {
    let cancelled = false
    const cancel = () => {
      cancelled = true
    }
    const streams = [Readable.from(['secret']), new ReadableStream({ cancel })] as const
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.get('/:n', async (request, reply) => {
        request.session.set('name', 'Ada')
        return reply.send(streams[request.url === '/0' ? 0 : 1])
      })
    })
    target.store.fail('create')
    for (const path of ['/0', '/1']) assert.equal((await ask(target.url + path)).status, 503)
    assert.deepEqual([streams[0].destroyed, cancelled], [true, true])
  })

  test('keeps a Web response from taking the place of its headers', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.get('/', async (request) => {
        request.session.set('name', 'Ada')
        const headers = { Vary: 'Origin', 'Cache-Control': 'public', 'Set-Cookie': 'a=1' }
        return new Response('web', { status: 203, headers })
      })
    })
    const { status, text, headers, setCookies } = await ask(target.url)
    assert.deepEqual([status, text], [203, 'web'])
    assert.deepEqual([headers.vary, headers['cache-control']], ['Origin, Cookie', 'no-store'])
    assert.deepEqual(names(setCookies), ['a', '__Host-session'])
  })

  test('stores before a reply that is hijacked is sent, and answers if it cannot', async () => {
    await using target = await serve((app, { sessions }) => {
      app.register(sessionPlugin, { sessions })
      app.get('/', async (request, reply) => {
        reply.hijack()
        request.session.set('name', 'Ada')
        reply.raw.writeHead(200, { 'X-Secret': 'yes' }).end('by itself')
      })
    })
    const sent = await ask(target.url)
    assert.deepEqual([sent.text, sent.setCookies.length], ['by itself', 1])
    target.store.fail('create')
    const { status, text, headers } = await ask(target.url)
    assert.deepEqual([status, text, headers['x-secret']], [503, '', undefined])
  })

  test('works with inject(), for pages that are not found, and with trustProxy', async () => {
    const { sessions } = createStore()
    await using app = fastify({ trustProxy: true })
    app.register(sessionPlugin, { sessions })
    app.register(async (inner) => {
      inner.get('/', async (request) => request.session.login('ada'))
    })
    app.setNotFoundHandler(async (request) => request.session.principal)
    const { headers } = await inject(app, '/', { 'X-Forwarded-For': '192.0.2.7' })
    assert.match(String(headers['set-cookie']), /^__Host-session=/)
    assert.equal((await sessions.list('ada'))[0]?.ip, '192.0.2.7')
    const Cookie = String(headers['set-cookie']).split(';', 1)[0] as string
    const { body } = await inject(app, '/nowhere', { Cookie })
    assert.equal(body, 'ada')
  })
})
