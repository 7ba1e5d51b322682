import type { IncomingMessage, ServerResponse } from 'node:http'
import { attachSession, runWithSession } from '../core/request-context.ts'
import type { DefaultSessionData, Session } from '../core/session.ts'
import type { SavedSession, SessionInterface } from '../core/session-interface.ts'
import { NodeExchange } from './node-exchange.ts'

/** What the middleware adds to Koa's context: `new Koa<DefaultState, SessionContext<Data>>()`. */
export interface SessionContext<T extends object = DefaultSessionData> {
  /** The session of this request. */
  session: Session<T>
}

/** What the middleware needs of Koa's context. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The peer's address, as far as `app.proxy` trusts the headers of a proxy. */
  readonly ip: string
  /** Koa's own end for all errors: it tells the app, and answers. */
  onerror(error: Error): void
}

export type SessionMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

/**
 * The session of each request as `ctx.session`, stored before the response is sent, whoever sends
 * it: Koa, a stream, or with `ctx.respond = false` the app itself. For Koa 3.
 *
 * Mount it before everything that uses the session. Where it is mounted more than once on the way
 * to a handler, the first one counts, and those of other sessions are refused. A session that cannot be loaded rejects like any middleware.
 * One that cannot be stored is known only when the response is about to leave, after all middleware:
 * that error goes to `ctx.onerror`, and so to `app.on('error')`, with `status` 503.
 */
export function sessionMiddleware<T extends object>(
  sessions: SessionInterface<T>,
): SessionMiddleware {
  return async function sessile(context, next) {
    // The one that was mounted before may be that of another framework, around this app.
    const outer = NodeExchange.of(context.res, sessions)
    if (outer !== null) {
      attach(context, outer.session as Session<T>)
      await next()
      return
    }
    const exchange = new KoaExchange(sessions, context)
    const session = await sessions.open(exchange)
    exchange.session = session
    attach(context, session)
    await runWithSession(session, next)
  }
}

class KoaExchange<T extends object> extends NodeExchange<T> {
  readonly #context: KoaContext
  #headersAfterFailure: SavedSession['headers'] = []

  constructor(sessions: SessionInterface<T>, context: KoaContext) {
    super(sessions, context.req, context.res, (error) => this.#answer(error as Error))
    this.#context = context
  }

  override get ip(): string {
    return this.#context.ip
  }

  override headersAfterFailure(): SavedSession['headers'] {
    this.#headersAfterFailure = super.headersAfterFailure()
    return []
  }

  #answer(error: Error): void {
    const { res } = this.#context
    const { writeHead } = res
    // Koa removes all headers from the answer to an error.
    res.writeHead = (...args: unknown[]) => {
      for (const [name, value] of this.#headersAfterFailure) res.appendHeader(name, value)
      this.#headersAfterFailure = []
      return Reflect.apply(writeHead, res, args)
    }
    this.#context.onerror(error)
  }
}

function attach<T extends object>(context: KoaContext, session: Session<T>): void {
  ;(context as KoaContext & SessionContext<T>).session = session
  attachSession(context, session)
  attachSession(context.req, session)
}
