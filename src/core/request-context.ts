import { AsyncLocalStorage } from 'node:async_hooks'
import { SessionAccessError } from './errors.ts'
import type { DefaultSessionData, Session } from './session.ts'

// Kept as unknown and handed out as what the reader asks for: it is the reader who knows the type.
const context = new AsyncLocalStorage<unknown>()
const carried: unique symbol = Symbol.for('sessile.session')

interface Carrier {
  [carried]?: unknown
}

/** Runs `fn` so that the `session` proxy means this session, also after each `await` in it. */
export function runWithSession<T extends object, R>(session: Session<T>, fn: () => R): R {
  return context.run(session, fn)
}

/** The session of the request that is being handled. */
export function currentSession<T extends object = DefaultSessionData>(): Session<T> {
  const session = context.getStore()
  if (session === undefined) {
    throw new SessionAccessError(
      'ERR_SESSION_NO_CONTEXT',
      'There is no session here: this code does not run inside a request. Use it in a handler ' +
        'behind the session adapter, or wrap the call in sessions.run(session, fn).',
    )
  }
  return session as Session<T>
}

/** Remembers the session of a request object, for `sessions.of(request)`. */
export function attachSession<T extends object>(carrier: object, session: Session<T>): void {
  ;(carrier as Carrier)[carried] = session
}

/** The session that an adapter attached to a request object. */
export function attachedSession<T extends object = DefaultSessionData>(
  carrier: object,
): Session<T> {
  const session = (carrier as Carrier | null | undefined)?.[carried]
  if (session === undefined) {
    throw new SessionAccessError(
      'ERR_SESSION_NO_CONTEXT',
      'This object carries no session: the session adapter has not seen it. Pass the request (or ' +
        'the context) that the adapter handed to the handler.',
    )
  }
  return session as Session<T>
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
