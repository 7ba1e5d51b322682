import http from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { StatusCode } from 'hono/utils/http-status'
import { type SessionEnv, sessionMiddleware } from '../../src/hono.ts'
import { listen, type TestServer } from '../support/http-exchange.ts'
import type { AdapterUnderTest, AppData, Reply } from './adapter-conformance.ts'
import { nodeResponseCases } from './cases/node-response-cases.ts'

export const honoAdapter: AdapterUnderTest = {
  name: 'Hono 4',
  skips: Object.fromEntries(
    Object.keys(nodeResponseCases).map((name) => [
      name,
      'a Hono handler returns a Web response and has none of node:http',
    ]),
  ),
  async start(sessions, routes) {
    const app = new Hono<SessionEnv<AppData>>()
    app.use(sessionMiddleware(sessions))
    for (const [path, handler] of Object.entries(routes)) {
      app.get(path, async (c) => {
        const { signal, url } = c.req.raw
        const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
        const { pathname, search } = new URL(url)
        const reply = await handler({ session: c.var.session, path: pathname + search, aborted })
        return answer(c, reply ?? {})
      })
    }
    // Without app.onError: what Hono answers by itself has to be right.
    const target = await serveHono(app)
    return { url: target.url, close: async () => target[Symbol.asyncDispose]() }
  },
}

/** As `serve` of @hono/node-server does, on a free port. */
export function serveHono(app: Pick<Hono, 'fetch'>): Promise<TestServer> {
  return listen(http.createServer(getRequestListener(app.fetch)))
}

function answer(c: Context, { status = 200, headers = [], body, redirect }: Reply): Response {
  if (redirect !== undefined) return c.redirect(redirect)
  for (const [name, value] of headers) c.header(name, value, { append: true })
  c.status(status as StatusCode)
  if (typeof body === 'string') return c.body(body)
  return body === undefined ? c.body(null) : c.body(streamOf(body))
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
