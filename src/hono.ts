/**
 * Sessions for Hono 4.
 *
 * ```ts
 * import { sessionMiddleware } from 'sessile/hono'
 * app.use(sessionMiddleware(sessions))
 * app.get('/', (c) => c.json(c.var.session))
 * ```
 *
 * @module sessile/hono
 */
export {
  type HonoContext,
  type HonoOptions,
  type SessionEnv,
  type SessionMiddleware,
  sessionMiddleware,
} from './adapters/hono.ts'
