import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { beforeEach, describe, mock, test } from 'node:test'
import compression from 'compression'
import { createSessions, type Session } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { type NodeOptions, withSessions } from '../../src/node.ts'
import { faultyStore } from '../support/faulty-store.ts'
import { ask, listen, turns } from '../support/http-exchange.ts'
import { type AdapterUnderTest, describeAdapter, type Reply } from './adapter-conformance.ts'

// Errors that nobody handles are logged, and these are made on purpose.
const log = mock.method(console, 'error', () => {})

const nodeHttp: AdapterUnderTest = {
  name: 'node:http',
  async start(sessions, routes, options) {
    const compress = compression({ threshold: 0 })
    const listener = withSessions(sessions, async (request, response, session) => {
      if (options.compression === 'after') compress(request as never, response as never, () => {})
      const path = request.url ?? '/'
      const handler = routes[path.replace(/\?.*/, '') as '/']
      if (handler === undefined) throw new Error(`no route ${path}`)
      const aborted = new Promise((resolve) => response.once('close', resolve))
      const reply = await handler({ session, path, aborted, response })
      if (reply) await send(response, reply)
    })
    const target = await listen(
      http.createServer((request, response) => {
        if (options.compression === 'before') {
          compress(request as never, response as never, () => {})
        }
        listener(request, response)
      }),
    )
    return { url: target.url, close: async () => target[Symbol.asyncDispose]() }
  },
}

async function send(
  response: ServerResponse,
  { status = 200, headers = [], body, redirect }: Reply,
): Promise<void> {
  if (redirect !== undefined) {
    response.writeHead(302, { Location: redirect }).end()
    return
  }
  response.writeHead(status, headers.map(([name, value]) => [name, value]) as never)
  if (typeof body === 'string' || body === undefined) {
    response.end(body)
    return
  }
  for await (const chunk of body) response.write(chunk)
  response.end()
}

describeAdapter(nodeHttp)

interface Data {
  visits: number
}

type Request = http.IncomingMessage

async function serve(
  handler: (request: Request, response: ServerResponse, session: Session<Data>) => unknown,
  options?: NodeOptions<Request, ServerResponse>,
) {
  const store = faultyStore(memoryStore(), { answersLater: false })
  const sessions = createSessions<Data>({ store, sweepInterval: false, onEvent() {} })
  const target = await listen(http.createServer(withSessions(sessions, handler, options)))
  return { ...target, store, sessions }
}

describe('a handler of node:http', () => {
  beforeEach(() => log.mock.resetCalls())

  const logged = () => log.mock.calls.map(({ arguments: [error] }) => (error as Error).message)

  test('that throws is answered with the name of the status, and logged once', async () => {
    for (const [error, status, text] of [
      [new Error('details'), 500, 'Internal Server Error\n'],
      [Object.assign(new Error('details'), { status: 404 }), 404, 'Not Found\n'],
      [Object.assign(new Error('details'), { status: 200 }), 500, 'Internal Server Error\n'],
    ] as const) {
      log.mock.resetCalls()
      await using target = await serve((_request, response) => {
        response.statusCode = 201
        response.setHeader('Content-Length', 3)
        response.setHeader('ETag', '"1"')
        throw error
      })
      const answer = await ask(target.url)
      assert.equal(answer.status, status)
      assert.equal(answer.text, text)
      assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
      assert.equal(answer.headers.etag, undefined)
      assert.deepEqual(logged(), ['details'])
    }
  })

  test('that fails after its answer is only logged', async () => {
    await using target = await serve(async (_request, response, session) => {
      session.set('visits', 1)
      response.end('ok')
      throw new Error('too late')
    })
    const { status, text, setCookies } = await ask(target.url)
    assert.deepEqual([status, text, setCookies.length], [200, 'ok', 1])
    assert.deepEqual(logged(), ['too late'])
  })

  test('that fails in the middle of its answer has it cut off', async () => {
    await using target = await serve(async (_request, response) => {
      response.write('begin')
      await turns(2)
      throw new Error('in the middle')
    })
    await assert.rejects(ask(target.url), { code: 'ECONNRESET' })
    assert.deepEqual(logged(), ['in the middle'])
  })

  test('may have its errors rendered, and those of the store', async () => {
    const errors: unknown[] = []
    await using target = await serve(
      (request, response, session) => {
        if (request.url === '/throw') throw new Error('on purpose')
        session.set('visits', 1)
        response.end('ok')
      },
      {
        async onError(error, request, response) {
          errors.push((error as Error).message)
          await turns(2)
          response.writeHead(418, { 'X-Path': request.url })
          response.end('rendered')
        },
      },
    )
    target.store.fail('create')
    for (const path of ['/throw', '/save']) {
      const { status, text, headers } = await ask(target.url + path)
      assert.deepEqual([status, text, headers['x-path']], [418, 'rendered', path])
    }
    assert.deepEqual(errors, ['on purpose', 'The test made create fail.'])
    assert.deepEqual(logged(), [])
  })

  test('is answered all the same if onError throws', async () => {
    await using target = await serve(
      () => {
        throw new Error('first')
      },
      {
        onError(_error, request, response) {
          if (request.url === '/sent') response.write('begin')
          throw new Error('second')
        },
      },
    )
    const { status, text } = await ask(target.url)
    assert.deepEqual([status, text], [500, 'Internal Server Error\n'])
    await assert.rejects(ask(`${target.url}/sent`), { code: 'ECONNRESET' })
    assert.deepEqual(logged(), ['second', 'second'])
  })

  test('drops its changes also where the error has a status below 500', async () => {
    await using target = await serve((_request, _response, session) => {
      session.set('visits', 1)
      throw Object.assign(new Error('no'), { status: 403 })
    })
    const { status, setCookies } = await ask(target.url)
    assert.deepEqual([status, setCookies], [403, []])
    assert.equal(await target.sessions.count(), 0)
  })

  test('gets the session of the request object, and the address of the peer', async () => {
    await using target = await serve((request, response, session) => {
      assert.equal(target.sessions.of(request), session)
      session.login('ada')
      response.end('ok')
    })
    assert.equal((await ask(target.url)).text, 'ok')
    assert.equal((await target.sessions.list('ada'))[0]?.ip, '127.0.0.1')
  })

  test('serves HTTP/2, too', async () => {
    const store = faultyStore(memoryStore(), { answersLater: true })
    const sessions = createSessions<Data>({ store, sweepInterval: false, onEvent() {} })
    const server = http2.createServer(
      withSessions(
        sessions,
        (_request: http2.Http2ServerRequest, response: http2.Http2ServerResponse, session) => {
          response.end(String(session.update('visits', (visits = 0) => visits + 1)))
        },
      ),
    )
    server.listen(0)
    await once(server, 'listening')
    const client = http2.connect(`http://localhost:${(server.address() as AddressInfo).port}`)
    const get = async (headers: http2.OutgoingHttpHeaders) => {
      const stream = client.request({ ':path': '/', ...headers })
      const [received] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
      let text = ''
      for await (const chunk of stream) text += chunk
      return { text, status: received[':status'], cookie: received['set-cookie']?.[0] }
    }
    const first = await get({})
    assert.equal(first.text, '1')
    const cookie = first.cookie?.split(';', 1)[0] as string
    assert.equal((await get({ cookie })).text, '2')
    store.fail('save')
    const failed = await get({ cookie })
    assert.deepEqual([failed.status, failed.text], [503, 'Service Unavailable\n'])
    client.close()
    server.close()
  })
})
