import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import { hookResponse } from '../../src/adapters/header-commit.ts'
import { takeSnapshot } from '../../src/adapters/response-snapshot.ts'
import { ask, deferred, sendAndLeave, sendRaw, turns } from '../support/http-exchange.ts'
import { serveCommitted } from './committed-server.ts'
import { largeBody } from './held-response-scenarios.ts'

const SESSION = [['Set-Cookie', 'session=1']] as const
const GZIP = { 'Accept-Encoding': 'gzip' }

/** Puts the real middleware around the response, before or after it is hooked. */
function compress(response: ServerResponse, request: IncomingMessage): void {
  compression({ threshold: 0 })(request as never, response as never, () => {})
}

describe("every 'drain' listener is called when a held response is released", () => {
  const registrations = ['on', 'addListener', 'once', 'prependListener'] as const
  for (const where of ['not compressed', 'compressed before', 'compressed after'] as const) {
    for (const registration of registrations) {
      test(`${registration}, ${where}`, async () => {
        let isDrained = false
        await using target = await serveCommitted(
          (response, request) => {
            if (where === 'compressed after') compress(response, request)
            response.setHeader('Content-Type', 'text/plain')
            assert.equal(response.write('begin '), where === 'compressed after')
            response[registration]('drain', () => {
              isDrained = true
              response.end('end')
            })
            // Behind the compression stream nothing has to wait, and nothing will drain.
            if (where === 'compressed after') response.end('end')
          },
          {
            held: true,
            headers: SESSION,
            ...(where === 'compressed before' && { before: compress }),
          },
        )
        const answer = await ask(target.url, { headers: GZIP })
        const body = where === 'not compressed' ? answer.body : gunzipSync(answer.body)
        assert.equal(body.toString(), 'begin end')
        assert.ok(isDrained || where === 'compressed after')
        assert.deepEqual(answer.setCookies, ['session=1'])
        assert.equal(
          answer.headers['content-encoding'],
          where === 'not compressed' ? undefined : 'gzip',
        )
      })
    }

    for (const held of [true, false]) {
      test(`a large body arrives, ${where}, the commit ${held ? 'held' : 'done at once'}`, async () => {
        await using target = await serveCommitted(
          (response, request) => {
            if (where === 'compressed after') compress(response, request)
            response.setHeader('Content-Type', 'text/plain')
            largeBody().pipe(response)
          },
          {
            held,
            headers: SESSION,
            ...(where === 'compressed before' && { before: compress }),
          },
        )
        const answer = await ask(target.url, { headers: GZIP })
        const body = where === 'not compressed' ? answer.body : gunzipSync(answer.body)
        assert.equal(body.length, 3_000_000)
        assert.equal(body.toString('latin1').replaceAll('sessile ', ''), '')
        assert.deepEqual(answer.setCookies, ['session=1'])
      })
    }
  }
})

test("a 'drain' listener is called once, although somebody has patched on()", async () => {
  let drains = 0
  await using target = await serveCommitted(
    (response) => {
      response.on('drain', () => {
        drains += 1
        response.end('end')
      })
      response.write('begin ')
    },
    {
      held: true,
      before(response) {
        const { on } = response
        response.on = function traced(this: ServerResponse, ...given: unknown[]) {
          return on.apply(this, given as never)
        } as never
      },
    },
  )
  assert.equal((await ask(target.url)).text, 'begin end')
  assert.equal(drains, 1)
})

describe('while a response is held', () => {
  test('a refused writeHead is none for the patches in between', async () => {
    await using target = await serveCommitted(
      (response) => {
        response.setHeader('Content-Type', 'text/plain')
        response.write('hello')
        assert.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
        response.end()
      },
      { held: true, before: compress },
    )
    const { status, body, headers } = await ask(target.url, { headers: GZIP })
    assert.deepEqual([status, headers['content-encoding']], [200, 'gzip'])
    assert.equal(gunzipSync(body).toString(), 'hello')
  })

  test('nothing reaches the client, and the order of all calls is kept', async () => {
    const { promise, resolve } = deferred()
    const bytes: string[] = []
    await using target = await serveCommitted(
      async (response) => {
        response.write('1')
        response.write('2')
        await turns(2)
        assert.equal(bytes.join(''), '')
        response.write('3')
        response.end('4')
        await turns(2)
        assert.equal(bytes.join(''), '')
        resolve()
      },
      { until: () => promise },
    )
    const socket = net.connect(target.port, '127.0.0.1')
    socket.on('data', (chunk) => bytes.push(chunk.toString()))
    socket.write('GET / HTTP/1.0\r\n\r\n')
    await once(socket, 'close')
    assert.ok(bytes.join('').endsWith('\r\n\r\n1234'))
  })

  test('server.close() waits for it', async () => {
    const { promise, resolve } = deferred()
    await using target = await serveCommitted(
      async (response) => {
        response.end('ok')
        await turns(1)
        target.server.close()
        await turns(3)
        resolve()
      },
      { until: () => promise, headers: SESSION },
    )
    const agent = new http.Agent({ keepAlive: true })
    assert.equal((await ask(target.url, { agent })).text, 'ok')
    agent.destroy()
  })

  test('pipelined requests get their answers in order', async () => {
    const commits = [9, 1, 5, 0]
    await using target = await serveCommitted(
      (response, request) => {
        response.end(`<${request.url}>`)
      },
      { until: () => turns(commits.shift() ?? 0) },
    )
    const get = (path: string, connection = 'keep-alive') =>
      `GET /${path} HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\n\r\n`
    const received = await sendRaw(target.port, get('a') + get('b') + get('c') + get('d', 'close'))
    assert.deepEqual(received.match(/<\/.>/g), ['</a>', '</b>', '</c>', '</d>'])
  })

  test('a client that leaves changes nothing about the commit', async () => {
    const { promise, resolve } = deferred()
    const answers: unknown[] = []
    await using target = await serveCommitted(
      async (response, request) => {
        await new Promise((left) => request.socket.once('close', left))
        response.write('late', (error) => answers.push((error as NodeJS.ErrnoException).code))
        response.end('later')
        assert.equal(target.saves.length, 1)
        resolve()
      },
      { held: true },
    )
    await sendAndLeave(target.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await promise
    await turns(6)
    assert.deepEqual(answers, ['ERR_STREAM_DESTROYED'])
    assert.deepEqual(target.failures, [])
  })

  test('a client may leave', async () => {
    const held = deferred()
    const left = deferred()
    const socket = deferred<net.Socket>()
    await using target = await serveCommitted(
      (response, request) => {
        largeBody().pipe(response)
        socket.resolve(request.socket)
        held.resolve()
      },
      { until: () => left.promise },
    )
    const client = net.connect(target.port, '127.0.0.1')
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await held.promise
    const closed = once(await socket.promise, 'close')
    client.destroy()
    await closed
    left.resolve()
    await turns(6)
    assert.equal(target.saves.length, 1)
    assert.deepEqual(target.failures, [])
  })
})

describe('a response of node:http2', () => {
  for (const held of [false, true]) {
    test(`has its commit, too${held ? ', held' : ''}`, async () => {
      const notes: unknown[] = []
      const server = http2.createServer((request, compatible) => {
        const response = compatible as unknown as ServerResponse
        hookResponse(response, {
          before: takeSnapshot(response),
          save: ({ status }) => {
            notes.push(status)
            const saved = { headers: SESSION }
            return held ? turns(3).then(() => saved) : saved
          },
          missed: () => notes.push('missed'),
          fail: (error) => notes.push(error),
        }).arm()
        if (request.url === '/large') {
          largeBody().pipe(response)
          return
        }
        response.writeHead(201, { 'X-A': 'a', 'set-cookie': ['app=1'] })
        response.write('hel')
        notes.push(response.headersSent, response.writableEnded)
        assert.throws(() => response.setHeader('X-B', 'b'), { code: 'ERR_HTTP2_HEADERS_SENT' })
        assert.throws(() => response.write(5), { code: 'ERR_INVALID_ARG_TYPE' })
        response.end('lo')
        notes.push(response.headersSent, response.writableEnded)
      })
      server.listen(0)
      await once(server, 'listening')
      const client = http2.connect(`http://localhost:${(server.address() as AddressInfo).port}`)

      const small = await askHttp2(client, '/small')
      assert.deepEqual(notes, [201, true, false, true, true])
      assert.equal(small.headers[':status'], 201)
      assert.deepEqual(small.headers['set-cookie'], ['app=1', 'session=1'])
      assert.equal(small.body.toString(), 'hello')

      const large = await askHttp2(client, '/large')
      assert.equal(large.body.length, 3_000_000)
      assert.deepEqual(large.headers['set-cookie'], ['session=1'])

      client.close()
      server.close()
    })
  }
})

async function askHttp2(client: http2.ClientHttp2Session, path: string) {
  const stream = client.request({ ':path': path })
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { headers, body: Buffer.concat(chunks) }
}
