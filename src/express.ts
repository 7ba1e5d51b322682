/**
 * Sessions for Express 4 and 5.
 *
 * ```ts
 * import { sessionMiddleware } from 'sessile/express'
 * app.use(sessionMiddleware(sessions))
 * app.get('/', (req, res) => res.json(req.session))
 * ```
 *
 * @module sessile/express
 */
export {
  type ExpressRequest,
  type SessionMiddleware,
  sessionMiddleware,
} from './adapters/express.ts'
