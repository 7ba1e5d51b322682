import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { sendRaw, turns } from '../../support/http-exchange.ts'
import type { AdapterCases, Exchange, Handler, Routes } from '../adapter-conformance.ts'
import { largeBody } from '../held-response-scenarios.ts'
import { whoami } from './lifecycle-cases.ts'

/** A handler that changes the session and answers on the response of node:http by itself. */
function onResponse(answer: (response: ServerResponse, exchange: Exchange) => unknown): Handler {
  return async (exchange) => {
    exchange.session.set('name', 'Ada')
    await answer(exchange.response as ServerResponse, exchange)
    return undefined
  }
}

const compressed: Routes = {
  '/send': ({ session }) => {
    session.set('name', 'Ada')
    return { headers: [['Content-Type', 'text/plain']], body: 'sessile '.repeat(1_000) }
  },
  '/write': onResponse(async (response) => {
    response.setHeader('Content-Type', 'text/plain')
    for (let n = 0; n < 1_000; n += 1) {
      response.write('sessile ')
      if (n % 100 === 0) await turns(1)
    }
    response.end()
  }),
  '/pipe': onResponse((response) => {
    response.setHeader('Content-Type', 'text/plain')
    largeBody().pipe(response)
  }),
  '/whoami': whoami,
}

/** All cases for adapters whose response is the one of node:http; the names go into their skips. */
export const nodeResponseCases: AdapterCases = {
  'a body is compressed by a middleware before the sessions': compression('before'),
  'a body is compressed by a middleware after the sessions': compression('after'),

  'the session may be used in the very call that sends the response': {
    routes: {
      '/end': ({ session, response }) =>
        void response?.end(String(session.update('visits', (visits = 0) => visits + 1))),
      '/write': ({ session, response }) => {
        response?.write(String(session.update('visits', (visits = 0) => visits + 1)))
        response?.end()
        return undefined
      },
      '/writeHead': ({ session, response }) => {
        response?.writeHead(200, {
          'X-Visits': session.update('visits', (visits = 0) => visits + 1),
        })
        response?.end('1')
        return undefined
      },
      '/read': ({ session, response }) => void response?.end(`${session.get('visits')}`),
    },
    async run({ browser }) {
      for (const path of ['/end', '/write', '/writeHead']) {
        const visitor = browser()
        const answer = await visitor.ask(path)
        assert.equal(answer.text, '1', path)
        assert.equal(answer.setCookies.length, 1, path)
        const { text, headers } = await visitor.ask('/read')
        assert.deepEqual([text, headers.vary], ['1', 'Cookie'], path)
      }
    },
  },

  'cookies of every kind of header call join ours': {
    routes: {
      '/set': onResponse((response) => {
        response.setHeader('Set-Cookie', ['a=1', 'b=2'])
        response.end()
      }),
      '/append': onResponse((response) => {
        response.appendHeader('Set-Cookie', 'a=1')
        response.appendHeader('Set-Cookie', 'b=2')
        response.end()
      }),
      '/object': onResponse((response) => {
        response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end()
      }),
      '/array': onResponse((response) => {
        response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end()
      }),
    },
    async run({ ask }) {
      for (const path of ['/set', '/append', '/object', '/array']) {
        const { setCookies } = await ask(path)
        assert.deepEqual(setCookies.slice(0, 2), ['a=1', 'b=2'], path)
        assert.match(setCookies[2] ?? '', /^__Host-session=/)
        assert.equal(setCookies.length, 3)
      }
    },
  },

  'a second end does nothing': {
    routes: {
      '/': onResponse((response) => {
        response.end('once')
        assert.equal(response.headersSent, true)
        assert.equal(response.writableEnded, true)
        response.end()
      }),
    },
    async run({ ask }) {
      assert.equal((await ask('/')).text, 'once')
    },
  },

  'a header that is none fails where it is set': {
    routes: {
      '/': onResponse((response) => {
        assert.throws(() => response.writeHead(200, { 'no name': 'a' }), {
          code: 'ERR_INVALID_HTTP_TOKEN',
        })
        assert.throws(() => response.setHeader('X-A', 'a\nb'), { code: 'ERR_INVALID_CHAR' })
        response.end('ok')
        assert.throws(() => response.setHeader('X-A', 'a'), { code: 'ERR_HTTP_HEADERS_SENT' })
      }),
      '/throws': onResponse((response) => {
        response.setHeader('X-A', 'a\nb')
      }),
    },
    async run({ ask, sessions }) {
      const answer = await ask('/')
      assert.equal(answer.text, 'ok')
      assert.equal(answer.setCookies.length, 1)
      assert.equal((await ask('/throws')).status, 500)
      assert.equal(await sessions.count(), 1)
    },
  },

  'early hints leave before the session is stored': {
    routes: {
      '/': onResponse(async (response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
        await turns(1)
        response.end('ok')
      }),
    },
    async run({ ask }) {
      const { informational, setCookies, text } = await ask('/')
      assert.deepEqual(
        informational.map(({ status }) => status),
        [103],
      )
      assert.ok(!String(informational[0]?.rawHeaders).includes('__Host-session'))
      assert.equal(setCookies.length, 1)
      assert.equal(text, 'ok')
    },
  },

  'a switch of protocols is left alone': {
    routes: {
      '/': ({ session, response }) => {
        assert.equal(session.get('name'), undefined)
        response?.writeHead(101, { Connection: 'Upgrade', Upgrade: 'echo' })
        const socket = response?.socket
        response?.end()
        socket?.end()
        return undefined
      },
    },
    async run({ url }) {
      const received = await sendRaw(
        Number(new URL(url).port),
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: echo\r\n\r\n',
      )
      assert.match(received, /^HTTP\/1.1 101 Switching Protocols\r\n/)
      assert.match(received, /Upgrade: echo/)
      assert.doesNotMatch(received, /Set-Cookie|Vary|Cache-Control/i)
    },
  },
}

function compression(where: 'before' | 'after'): AdapterCases[string] {
  return {
    compression: where,
    routes: compressed,
    async run({ ask, browser }) {
      for (const [path, length] of [
        ['/send', 8_000],
        ['/write', 8_000],
        ['/pipe', 3_000_000],
      ] as const) {
        const visitor = browser()
        const answer = await visitor.ask(path, { headers: { 'Accept-Encoding': 'gzip' } })
        assert.equal(answer.headers['content-encoding'], 'gzip', path)
        const body = gunzipSync(answer.body).toString()
        assert.equal(body.length, length, path)
        assert.equal(body.replaceAll('sessile ', ''), '')
        assert.match(answer.headers.vary ?? '', /Cookie/)
        assert.match(answer.headers.vary ?? '', /Accept-Encoding/)
        assert.equal((await visitor.ask('/whoami')).text, 'null Ada undefined')
        const plain = await ask(path)
        assert.equal(plain.headers['content-encoding'], undefined)
        assert.equal(plain.body.length, length)
      }
    },
  }
}
