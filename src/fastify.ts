/**
 * Sessions for Fastify 5.
 *
 * ```ts
 * import { sessionPlugin } from 'sessile/fastify'
 * app.register(sessionPlugin, { sessions })
 * app.get('/', async (request) => sessions.of(request).get('name'))
 * ```
 *
 * @module sessile/fastify
 */
export {
  type AnySessions,
  type SessionPluginOptions,
  sessionPlugin,
} from './adapters/fastify.ts'
export type { FastifyReply, FastifyRequest } from './adapters/fastify-exchange.ts'
