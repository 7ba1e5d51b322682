import { AsyncLocalStorage } from 'node:async_hooks'
import { SessionAccessError } from './errors.ts'
import type { DefaultSessionData, Session } from './session.ts'

// A session is handed on as Session<object>: it is the reader who knows the type of its data.
type AnySession = Session<object>

const context = new AsyncLocalStorage<AnySession>()
const carried: unique symbol = Symbol.for('sessile.session')

/** Runs `fn` so that the `session` proxy means this session, also after each `await` in it. */
export function runWithSession<R>(session: AnySession, fn: () => R): R {
  return context.run(session, fn)
}

/** The session of the request that is being handled. */
export function currentSession(): AnySession {
  const session = context.getStore()
  if (session === undefined) {
    throw new SessionAccessError(
      'ERR_SESSION_NO_CONTEXT',
      'There is no session here: this code does not run inside a request. Use it in a handler ' +
        'behind the session adapter, or wrap the call in sessions.run(session, fn).',
    )
  }
  return session
}

/** Remembers the session of a request object, for `sessions.of(request)`. */
export function attachSession(carrier: object, session: AnySession): void {
  ;(carrier as { [carried]?: AnySession })[carried] = session
}

/** The session that an adapter attached to a request object. */
export function attachedSession(carrier: object): AnySession {
  const session = (carrier as { [carried]?: AnySession })[carried]
  if (session === undefined) {
    throw new SessionAccessError(
      'ERR_SESSION_NO_CONTEXT',
      'This object carries no session: the session adapter has not seen it. Pass the request (or ' +
        'the context) that the adapter handed to the handler.',
    )
  }
  return session
}

/**
 * The session of the request that is being handled, as Flask's `session`: a proxy that may be
 * imported anywhere. Outside a request each use throws a SessionAccessError.
 */
export const session: Session<DefaultSessionData> = new Proxy({} as Session<DefaultSessionData>, {
  get(_target, key) {
    const current = currentSession()
    const value: unknown = Reflect.get(current, key, current)
    return typeof value === 'function' ? value.bind(current) : value
  },
  set(_target, key, value) {
    const current = currentSession()
    return Reflect.set(current, key, value, current)
  },
  has: (_target, key) => Reflect.has(currentSession(), key),
})
