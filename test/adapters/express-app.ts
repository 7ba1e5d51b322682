import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import compression from 'compression'
import express5 from 'express'
import express4 from 'express4'
import { sessionMiddleware } from '../../src/express.ts'
import { listen } from '../support/http-exchange.ts'
import type { AdapterUnderTest, Reply } from './adapter-conformance.ts'

/** What both versions of Express have in common. */
export interface ExpressApp {
  (request: IncomingMessage, response: ServerResponse): void
  set(name: string, value: unknown): unknown
  use(...handlers: unknown[]): unknown
  get(path: string, ...handlers: unknown[]): unknown
}

export function createExpress(version: 4 | 5): ExpressApp {
  const app = version === 4 ? express4() : express5()
  // Keeps the default error handler from logging.
  app.set('env', 'test')
  return app as unknown as ExpressApp
}

export function expressAdapter(version: 4 | 5): AdapterUnderTest {
  return {
    name: `Express ${version}`,
    loadsBeforeHandler: version === 4,
    async start(sessions, routes, options) {
      const app = createExpress(version)
      const compress = compression({ threshold: 0 })
      if (options.compression === 'before') app.use(compress)
      app.use(sessionMiddleware(sessions))
      if (options.compression === 'after') app.use(compress)
      for (const [path, handler] of Object.entries(routes)) {
        const answer = async (request: express5.Request, response: express5.Response) => {
          const aborted = new Promise((resolve) => response.once('close', resolve))
          const session = sessions.of(request)
          const reply = await handler({ session, path: request.url, aborted, response })
          if (reply) await send(response, reply)
        }
        app.get(
          path,
          (
            request: express5.Request,
            response: express5.Response,
            next: (error: unknown) => void,
          ) =>
            // Express 4 leaves rejections to the app.
            version === 4 ? answer(request, response).catch(next) : answer(request, response),
        )
      }
      const target = await listen(http.createServer(app))
      return { url: target.url, close: async () => target[Symbol.asyncDispose]() }
    },
  }
}

async function send(
  response: express5.Response,
  { status = 200, headers = [], body, redirect }: Reply,
): Promise<void> {
  if (redirect !== undefined) return response.redirect(redirect)
  response.status(status)
  for (const [name, value] of headers) response.append(name, value)
  if (typeof body === 'string' || body === undefined) {
    response.send(body)
    return
  }
  for await (const chunk of body) response.write(chunk)
  response.end()
}
