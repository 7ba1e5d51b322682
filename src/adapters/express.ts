import type { IncomingMessage, ServerResponse } from 'node:http'
import { attachSession, runWithSession } from '../core/request-context.ts'
import type { Session } from '../core/session.ts'
import type { SessionInterface } from '../core/session-interface.ts'
import { NodeExchange } from './node-exchange.ts'
import { isPromise } from './request-facts.ts'

declare global {
  namespace Express {
    interface Request {
      /** The session of this request. `sessions.of(request)` is the same with the type of its data. */
      session: Session
    }
  }
}

/** What the middleware needs of a request: those of Express 4 and 5 fit, and those of node:http. */
export interface ExpressRequest extends IncomingMessage {
  readonly ip?: string | undefined
  readonly app?: object | undefined
  session?: Session
}

export type SessionMiddleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * The session of each request as `request.session`, stored before the response is sent. For Express
 * 4 and 5.
 *
 * Mount it before everything that uses the session. Where it is mounted more than once on the way
 * to a handler, the first one counts, and those of other sessions are refused. Errors of the store go to `next(error)`, with `status` 503.
 */
export function sessionMiddleware<T extends object>(
  sessions: SessionInterface<T>,
): SessionMiddleware {
  return function sessile(request, response, next) {
    let outer: NodeExchange<T> | null
    try {
      outer = NodeExchange.of(response, sessions)
    } catch (error) {
      return next(error)
    }
    if (outer !== null) {
      request.session ??= outer.session as unknown as Session
      return next()
    }
    const exchange = new NodeExchange(sessions, request, response, next)
    const proceed = (session: Session<T>): void => {
      exchange.session = session
      request.session = session as unknown as Session
      attachSession(request, session)
      runWithSession(session, next)
    }
    let opened: ReturnType<typeof sessions.open>
    try {
      opened = sessions.open(exchange)
    } catch (error) {
      return next(error)
    }
    if (isPromise(opened)) {
      opened.then(proceed, next)
    } else if (request.headers.cookie === undefined || catchesRejections(request.app)) {
      proceed(opened)
    } else {
      const session = opened
      session.load().then(() => proceed(session), next)
    }
  }
}

/**
 * In Express 4 (which is known by its `lazyrouter`) an async handler that throws ends the process,
 * so a session that cannot be loaded must fail before the handler runs.
 */
function catchesRejections(app: object | undefined): boolean {
  return app !== undefined && !('lazyrouter' in app)
}
