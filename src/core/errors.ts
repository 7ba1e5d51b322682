import { inspect } from 'node:util'

/** The stable names of everything that sessile throws on purpose. */
export type SessionErrorCode =
  | 'ERR_SESSION_OPTIONS'
  | 'ERR_SESSION_STORE_SETUP'
  | 'ERR_SESSION_STORE_UNAVAILABLE'
  | 'ERR_SESSION_CONFLICT'
  | 'ERR_SESSION_GONE'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_SESSION_HEADERS_SENT'
  | 'ERR_SESSION_NOT_LOADED'
  | 'ERR_SESSION_NO_CONTEXT'
  | 'ERR_SESSION_DATA_TYPE'
  | 'ERR_SESSION_DATA_SIZE'
  | 'ERR_SESSION_DATA_SCHEMA'

const expected: Readonly<Record<number, string>> = { 409: 'Conflict', 503: 'Service Unavailable' }

/**
 * Every error of sessile. `code` never changes; `status` is the HTTP status that Express, Koa,
 * Fastify and Hono read from it. The database's own error, if any, is the `cause`.
 *
 * No message ever holds a token, a secret or session data.
 */
export class SessionError extends Error {
  readonly code: SessionErrorCode
  readonly status: number
  /** The same as `status`: Fastify and others read this name. */
  readonly statusCode: number

  constructor(
    code: SessionErrorCode,
    message: string,
    options?: { readonly status?: number; readonly cause?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.status = options?.status ?? 500
    this.statusCode = this.status
    const body = expected[this.status]
    if (body !== undefined) {
      // What Hono asks of an error; one that has it not is a bug to Hono, logged and answered as 500.
      const value = (): Response => new Response(`${body}\n`, { status: this.status })
      Object.defineProperty(this, 'getResponse', { value })
    }
  }
}

/** An option is missing, unknown or impossible. Thrown when the app starts, never later. */
export class SessionOptionsError extends SessionError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('ERR_SESSION_OPTIONS', message, options)
  }
}

/** The database is there, but it cannot be used as it is: the message says what to do. */
export class StoreSetupError extends SessionError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('ERR_SESSION_STORE_SETUP', message, options)
  }
}

/** The database failed or is late. Nobody knows whether a write that met this error happened. */
export class StoreUnavailableError extends SessionError {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super('ERR_SESSION_STORE_UNAVAILABLE', message, { ...options, status: 503 })
  }
}

/** Other processes changed the session each time this one tried to, until `storeTimeout` passed. */
export class SessionConflictError extends SessionError {
  constructor(message: string) {
    super('ERR_SESSION_CONFLICT', message, { status: 503 })
  }
}

/** An explicit `save()` found that the session has ended. */
export class SessionGoneError extends SessionError {
  constructor(message: string) {
    super('ERR_SESSION_GONE', message, { status: 409 })
  }
}

/** The principal has as many sessions as `maxPerPrincipal` allows, and `onExceed` is `'reject'`. */
export class SessionLimitError extends SessionError {
  constructor(message: string) {
    super('ERR_SESSION_LIMIT', message, { status: 409 })
  }
}

/** A new token would need a Set-Cookie header, and the headers are on their way. */
export class HeadersSentError extends SessionError {
  constructor(message: string) {
    super('ERR_SESSION_HEADERS_SENT', message)
  }
}

/** The session or the context was used where there is none, or before `await session.load()`. */
export class SessionAccessError extends SessionError {
  constructor(code: 'ERR_SESSION_NOT_LOADED' | 'ERR_SESSION_NO_CONTEXT', message: string) {
    super(code, message)
  }
}

/** The data cannot be stored: a value of a foreign type, too many bytes, or not as the schema wants. */
export class SessionDataError extends SessionError {
  /** Where in the data, for example `cart[2].price`; keys only, never values. */
  readonly path: string

  constructor(
    code: 'ERR_SESSION_DATA_TYPE' | 'ERR_SESSION_DATA_SIZE' | 'ERR_SESSION_DATA_SCHEMA',
    message: string,
    path: string,
  ) {
    super(code, message)
    this.path = path
  }
}

/** How a message shows an option that was given; one line, not too long. */
export function shown(value: unknown): string {
  const text = inspect(value, { depth: 1, compact: true, breakLength: Number.POSITIVE_INFINITY })
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
