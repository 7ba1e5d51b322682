import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import compression from 'compression'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import { ask, deferred, sendAndLeave, turns } from '../support/http-exchange.ts'
import { type CommittedOptions, serveCommitted } from './committed-server.ts'
import { largeBody } from './held-response-scenarios.ts'

const DOWN = new StoreUnavailableError('The store is down.')

/** What was set before the middleware ran, and has to be there again. */
function prepare(response: ServerResponse): void {
  response.statusCode = 207
  response.statusMessage = 'Prepared'
  response.setHeader('X-Powered-By', 'tests')
  response.setHeader('Set-Cookie', ['early=1'])
  response.setHeader('X-Kept', 'before')
}

function apologise(response: ServerResponse): void {
  response.statusCode = 503
  response.end('sorry')
}

function compress(response: ServerResponse, request: IncomingMessage): void {
  compression({ threshold: 0 })(request as never, response as never, () => {})
}

/** How an app may answer; each sets headers that must not be on the error's answer. */
const answers: Record<string, (response: ServerResponse) => void> = {
  end(response) {
    response.setHeader('Content-Length', 10)
    response.setHeader('ETag', '"1"')
    response.end('0123456789')
  },
  write(response) {
    response.setHeader('Location', '/elsewhere')
    response.appendHeader('Set-Cookie', 'app=1')
    response.setHeader('X-Kept', 'after')
    response.write('secret')
    response.end()
  },
  writeHead(response) {
    response.writeHead(200, 'All Right', { 'Set-Cookie': 'app=1', Date: 'never' })
    response.end('secret')
  },
  flushHeaders(response) {
    response.removeHeader('X-Kept')
    response.flushHeaders()
    response.end('secret')
  },
}

describe('when the commit fails', () => {
  for (const held of [false, true]) {
    const options: CommittedOptions = { held, error: DOWN, fail: apologise, before: prepare }

    for (const [name, answer] of Object.entries(answers)) {
      test(`nothing of the answer is left after ${name}${held ? ', held' : ''}`, async () => {
        await using target = await serveCommitted(answer, options)
        const { status, headers, text, statusMessage } = await ask(target.url)
        assert.deepEqual(target.failures, [DOWN])
        assert.equal(status, 503)
        assert.equal(statusMessage, 'Prepared')
        assert.equal(text, 'sorry')
        const { date, ...others } = headers
        assert.match(date ?? '', /GMT$/)
        assert.deepEqual(others, {
          'x-powered-by': 'tests',
          'x-kept': 'before',
          'set-cookie': ['early=1'],
          connection: 'close',
          ...(headers['content-length']
            ? { 'content-length': '5' }
            : { 'transfer-encoding': 'chunked' }),
        })
      })
    }

    for (const [where, before] of [
      ['before', compress],
      ['after', undefined],
    ] as const) {
      test(`the error is answered, compressed ${where}${held ? ', held' : ''}`, async () => {
        await using target = await serveCommitted(
          (response, request) => {
            if (before === undefined) compress(response, request)
            response.setHeader('Content-Type', 'text/plain')
            largeBody().pipe(response)
          },
          {
            held,
            error: DOWN,
            fail: apologise,
            ...(before && { before }),
          },
        )
        const { status, text, headers } = await ask(target.url, {
          headers: { 'Accept-Encoding': 'gzip' },
        })
        assert.equal(status, 503)
        assert.equal(text, 'sorry')
        assert.equal(headers['content-encoding'], undefined)
      })
    }
  }

  test('the callbacks of held calls get the error', async () => {
    const told: unknown[] = []
    await using target = await serveCommitted(
      (response) => {
        response.write('a', (error) => told.push(['write', error]))
        response.write('b', 'latin1', (error) => told.push(['write', error]))
        response.end('c', (...given: unknown[]) => told.push(['end', ...given]))
      },
      { held: true, error: DOWN, fail: apologise },
    )
    await ask(target.url)
    assert.deepEqual(told, [
      ['write', DOWN],
      ['write', DOWN],
      ['end', DOWN],
    ])
  })

  test("no 'drain' tells the producer to go on", async () => {
    let drains = 0
    await using target = await serveCommitted(
      (response) => {
        response.on('drain', () => {
          drains += 1
        })
        response.write('a')
      },
      { held: true, error: DOWN, fail: apologise },
    )
    assert.equal((await ask(target.url)).text, 'sorry')
    assert.equal(drains, 0)
  })

  test('a producer that goes on neither becomes the answer nor gets into it', async () => {
    const done = deferred()
    const told: unknown[] = []
    await using target = await serveCommitted(
      async (response) => {
        response.write('secret')
        await turns(5)
        assert.deepEqual(target.failures, [DOWN])
        assert.equal(response.headersSent, false)
        response.writeHead(200)
        response.flushHeaders()
        assert.equal(
          response.write('secret', (error) => told.push(error)),
          false,
        )
        assert.equal(response.headersSent, false)
        await turns(5)
        assert.equal(response.headersSent, true)
        response.write('secret')
        response.end('secret')
        await turns(10)
        response.write('secret')
        response.end('secret', () => done.resolve())
      },
      {
        held: true,
        error: DOWN,
        async fail(response) {
          await turns(4)
          response.statusCode = 503
          response.write('so')
          await turns(8)
          response.end('rry')
        },
      },
    )
    const { status, text } = await ask(target.url)
    assert.equal(status, 503)
    assert.equal(text, 'sorry')
    assert.deepEqual(told, [DOWN])
    await done.promise
  })

  test('an error handler that has lost its context may answer all the same', async () => {
    const outside = deferred<ServerResponse>()
    const done = deferred()
    await using target = await serveCommitted(
      async (response) => {
        response.write('secret')
        while (!response.writableEnded) await turns(1)
        response.write('secret')
        response.end('secret', () => done.resolve())
      },
      { held: true, error: DOWN, fail: (response) => outside.resolve(response) },
    )
    const asked = ask(target.url)
    const response = await outside.promise
    apologise(response)
    // Node would emit an error for what comes after the end, before the response is closed.
    response.write('secret')
    const { status, text } = await asked
    assert.equal(status, 503)
    assert.equal(text, 'sorry')
    await done.promise
  })

  for (const where of ['not compressed', 'compressed before', 'compressed after'] as const) {
    test(`the error handler may stream its answer, ${where}`, async () => {
      await using target = await serveCommitted(
        (response, request) => {
          if (where === 'compressed after') compress(response, request)
          response.setHeader('Content-Type', 'text/plain')
          response.end('secret')
        },
        {
          held: true,
          error: DOWN,
          fail(response) {
            response.writeHead(500, { 'Content-Type': 'image/png' })
            largeBody().pipe(response)
          },
          ...(where === 'compressed before' && { before: compress }),
        },
      )
      const { status, body } = await ask(target.url, { headers: { 'Accept-Encoding': 'gzip' } })
      assert.equal(status, 500)
      assert.equal(body.length, 3_000_000)
    })
  }

  test('a client that has left hurts nobody', async () => {
    const failed = deferred()
    await using target = await serveCommitted(
      async (response, request) => {
        await new Promise((left) => request.socket.once('close', left))
        response.end('late')
      },
      {
        held: true,
        error: DOWN,
        fail(response) {
          apologise(response)
          failed.resolve()
        },
      },
    )
    await sendAndLeave(target.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await failed.promise
    await turns(5)
  })

  test('what Node refuses only at the real call goes to the error handler, too', async () => {
    await using target = await serveCommitted(
      (response) => {
        response.setHeader('Content-Length', 2)
        response.setHeader('Trailer', 'X-Sum')
        response.end('ok')
      },
      { held: true, headers: [['Set-Cookie', 'session=1']], fail: apologise },
    )
    const { status, text, setCookies } = await ask(target.url)
    assert.equal((target.failures[0] as NodeJS.ErrnoException).code, 'ERR_HTTP_TRAILER_INVALID')
    assert.equal(status, 503)
    assert.equal(text, 'sorry')
    assert.deepEqual(setCookies, ['session=1'])
  })
})
