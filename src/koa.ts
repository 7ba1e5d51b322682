/**
 * Sessions for Koa 3.
 *
 * ```ts
 * import { sessionMiddleware } from 'sessile/koa'
 * app.use(sessionMiddleware(sessions))
 * app.use((ctx) => { ctx.body = ctx.session.get('name') })
 * ```
 *
 * @module sessile/koa
 */
export {
  type KoaContext,
  type SessionContext,
  type SessionMiddleware,
  sessionMiddleware,
} from './adapters/koa.ts'
