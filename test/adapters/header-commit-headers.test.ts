import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { ask, turns } from '../support/http-exchange.ts'
import { serveCommitted } from './committed-server.ts'

const SESSION = [
  ['Set-Cookie', 'session=1'],
  ['Vary', 'Origin, Cookie'],
  ['Cache-Control', 'no-store'],
] as const

/** How an app may send `app=1`, `other=2`, a Vary and a Cache-Control. */
const senders: Record<string, (response: ServerResponse) => void> = {
  'setHeader and end'(response) {
    response.setHeader('Set-Cookie', ['app=1', 'other=2'])
    response.setHeader('Vary', 'Origin')
    response.setHeader('Cache-Control', 'public, max-age=60')
    response.end('ok')
  },
  'appendHeader and write'(response) {
    response.appendHeader('Set-Cookie', 'app=1')
    response.appendHeader('Set-Cookie', 'other=2')
    response.setHeaders(
      new Headers([
        ['Vary', 'Origin'],
        ['Cache-Control', 'public, max-age=60'],
      ]),
    )
    response.write('o')
    response.end('k')
  },
  'flushHeaders and end'(response) {
    response.setHeader('set-cookie', ['app=1', 'other=2'])
    response.setHeader('vary', ['Origin'])
    response.setHeader('cache-control', 'public, max-age=60')
    response.flushHeaders()
    response.end('ok')
  },
  'writeHead with an object'(response) {
    response.writeHead(200, {
      'Set-Cookie': ['app=1', 'other=2'],
      Vary: 'Origin',
      'Cache-Control': 'public, max-age=60',
    })
    response.end('ok')
  },
  'writeHead with a flat array'(response) {
    response.writeHead(200, 'OK', [
      ...['set-cookie', 'app=1', 'set-cookie', 'other=2', 'vary', 'Origin'],
      ...['cache-control', 'public, max-age=60'],
    ])
    response.end('ok')
  },
  'writeHead with an array of pairs'(response) {
    response.setHeader('Vary', 'Replaced')
    response.writeHead(200, [
      ['Set-Cookie', 'app=1'],
      ['Set-Cookie', 'other=2'],
      ['Vary', 'Origin'],
      ['Cache-Control', 'public, max-age=60'],
    ] as never)
    response.end('ok')
  },
}

describe('the headers of the commit', () => {
  for (const held of [false, true]) {
    for (const [name, send] of Object.entries(senders)) {
      test(`join those of ${name}${held ? ', held' : ''}`, async () => {
        await using target = await serveCommitted(send, { held, headers: SESSION })
        const answer = await ask(target.url)
        assert.deepEqual(answer.setCookies, ['app=1', 'other=2', 'session=1'])
        assert.equal(answer.headers.vary, 'Origin, Cookie')
        assert.equal(answer.headers['cache-control'], 'no-store')
        assert.equal(answer.text, 'ok')
        assert.deepEqual(target.saves, [
          { status: 200, vary: 'Origin', cacheControl: 'public, max-age=60' },
        ])
      })
    }

    test(`win over a patch of writeHead that came later${held ? ', held' : ''}`, async () => {
      await using target = await serveCommitted(
        (response) => {
          const { writeHead } = response
          response.writeHead = function patched(this: ServerResponse, ...args: unknown[]) {
            this.setHeader('Cache-Control', 'public')
            this.setHeader('X-Patched', 'yes')
            return writeHead.apply(this, args as never)
          } as never
          response.end('ok')
        },
        { held, headers: SESSION },
      )
      const { headers } = await ask(target.url)
      assert.equal(headers['x-patched'], 'yes')
      assert.equal(headers['cache-control'], 'no-store')
    })
  }

  test('are asked for once, with the status that leaves', async () => {
    await using target = await serveCommitted(
      async (response) => {
        response.writeHead(418, 'Teapot')
        response.write('a')
        await turns(1)
        response.flushHeaders()
        response.end('b')
        response.end()
      },
      { held: true },
    )
    const answer = await ask(target.url)
    assert.equal(answer.status, 418)
    assert.equal(answer.statusMessage, 'Teapot')
    assert.equal(answer.text, 'ab')
    assert.deepEqual(target.saves, [{ status: 418, vary: undefined, cacheControl: undefined }])
  })

  test('do not belong to informational responses', async () => {
    await using target = await serveCommitted(
      async (response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' })
        response.writeProcessing()
        await turns(2)
        assert.equal(target.saves.length, 0)
        response.end('ok')
      },
      { held: true, headers: SESSION },
    )
    const answer = await ask(target.url)
    assert.deepEqual(
      answer.informational.map(({ status }) => status),
      [103, 102],
    )
    assert.ok(answer.informational.every(({ rawHeaders }) => !rawHeaders.includes('Set-Cookie')))
    assert.deepEqual(answer.setCookies, ['session=1'])
  })

  test('are left out, and the commit is made, when the headers left around the hook', async () => {
    await using target = await serveCommitted((response) => {
      Object.getPrototypeOf(response).writeHead.call(response, 200)
      response.end('ok')
    })
    assert.equal((await ask(target.url)).text, 'ok')
    assert.equal(target.missed, 1)
    assert.equal(target.saves.length, 0)
  })
})
