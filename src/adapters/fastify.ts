import { attachSession, runWithSession } from '../core/request-context.ts'
import type { Session } from '../core/session.ts'
import type {
  SavedSession,
  SessionInterface,
  SessionRequest,
  SessionResponse,
} from '../core/session-interface.ts'
import type { MaybePromise } from '../core/store.ts'
import { FastifyExchange, type FastifyReply, type FastifyRequest } from './fastify-exchange.ts'
import { isPromise } from './request-facts.ts'

export interface SessionPluginOptions {
  readonly sessions: AnySessions
}

/** A `SessionInterface` of any data: Fastify cannot carry the type from here to `request.session`. */
export interface AnySessions {
  open(request: SessionRequest): MaybePromise<object>
  save(session: never, response?: SessionResponse): MaybePromise<SavedSession>
}

type Next = (error?: Error | null, payload?: unknown) => void
type RequestHook = (request: FastifyRequest, reply: FastifyReply, next: Next) => void
type SendHook = (
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  next: Next,
) => unknown

interface FastifyApp {
  decorateRequest(name: 'session', value: null): unknown
  addHook(name: 'onRequest', hook: RequestHook): unknown
  addHook(name: 'onSend', hook: SendHook): unknown
}

/**
 * The session of each request as `request.session`, stored before the response is sent. For
 * Fastify 5.
 *
 * It works where it is registered and below, as plugins made with `fastify-plugin` do: register it
 * at the root for the whole app, or inside of a plugin for that plugin's routes. Twice on the way to
 * a route is refused by Fastify. Errors of the store go to the error handler, with `statusCode` 503.
 *
 * A reply that is hijacked is stored at the first call on `reply.raw` that sends headers; should
 * that fail, the error is logged and a bare 503 is sent.
 */
export async function sessionPlugin(
  instance: object,
  { sessions }: SessionPluginOptions,
): Promise<void> {
  // TypeScript finds that no hook but Fastify's own fits the many overloads of addHook.
  const app = instance as FastifyApp
  const exchanges = new WeakMap<FastifyRequest, FastifyExchange>()

  app.decorateRequest('session', null)

  app.addHook('onRequest', function sessile(request, reply, next) {
    const exchange = new FastifyExchange(sessions as SessionInterface, request, reply)
    const proceed = (session: Session): void => {
      exchange.session = session
      exchanges.set(request, exchange)
      ;(request as FastifyRequest & { session: Session }).session = session
      attachSession(request, session)
      attachSession(request.raw, session)
      runWithSession(session, next)
    }
    const opened = exchange.open()
    if (isPromise(opened)) opened.then(proceed, next)
    else proceed(opened)
  })

  app.addHook('onSend', function sessile(request, _reply, payload, next) {
    const sent = exchanges.get(request)?.commit(payload) ?? payload
    if (isPromise(sent)) return sent
    return next(null, sent)
  })
}

// What `fastify-plugin` does: hooks and decorators are for the instance that registers the plugin.
Object.assign(sessionPlugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'sessile',
  [Symbol.for('plugin-meta')]: { name: 'sessile', fastify: '5.x' },
})
