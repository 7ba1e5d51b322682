// biome-ignore-all lint/nursery/noMisusedPromises: Biome takes Fastify's overloads for functions of void
// biome-ignore-all lint/nursery/noFloatingPromises: Fastify's promises may be left to it
// biome-ignore-all lint/nursery/useAwaitThenable: Fastify's promises are none to Biome
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import compression from 'compression'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { sessionPlugin } from '../../src/fastify.ts'
import type { Session } from '../../src/index.ts'
import type { AdapterUnderTest, Reply } from './adapter-conformance.ts'

declare module 'fastify' {
  interface FastifyRequest {
    session: Session<{ name: string }>
  }
}

export const fastifyAdapter: AdapterUnderTest = {
  name: 'Fastify 5',
  async start(sessions, routes, options) {
    const app = fastify()
    if (options.compression === 'before') compress(app)
    app.register(sessionPlugin, { sessions })
    if (options.compression === 'after') compress(app)
    for (const [path, handler] of Object.entries(routes)) {
      app.get(path, async (request, reply) => {
        let hijacked = false
        const exchange = {
          session: sessions.of(request),
          path: request.url,
          aborted: new Promise((resolve) => reply.raw.once('close', resolve)),
          get response() {
            hijacked = true
            reply.hijack()
            return reply.raw
          },
        }
        try {
          const answer = await handler(exchange)
          return answer ? send(reply, answer) : reply
        } catch (error) {
          if (!hijacked) throw error
          // Fastify leaves a reply that is hijacked to the handler, errors included.
          reply.raw.writeHead(500).end()
          return reply
        }
      })
    }
    return { url: await listen(app), close: () => close(app) }
  },
}

export async function listen(app: FastifyInstance): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    app.ready((error) => (error ? reject(error) : resolve()))
  })
  app.server.listen(0, '127.0.0.1')
  await once(app.server, 'listening')
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
}

export async function close(app: FastifyInstance): Promise<void> {
  app.server.closeAllConnections()
  await app.close()
}

/** Middleware of Connect, mounted as `@fastify/middie` does. */
function compress(app: FastifyInstance): void {
  const middleware = compression({ threshold: 0 })
  app.addHook('onRequest', (request, reply, done) => {
    middleware(request.raw as never, reply.raw as never, () => done())
  })
}

function send(
  reply: FastifyReply,
  { status = 200, headers = [], body, redirect }: Reply,
): FastifyReply {
  if (redirect !== undefined) return reply.redirect(redirect)
  reply.code(status)
  for (const [name, value] of headers) reply.header(name, value)
  return reply.send(typeof body === 'object' ? Readable.from(body) : body)
}
