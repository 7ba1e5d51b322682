import type { DefaultSessionData, Session } from './session.ts'
import type { MaybePromise } from './store.ts'

/** What an adapter tells about a request. Every member may be a getter: it is read when needed. */
export interface SessionRequest {
  /** The `Cookie` header as received. */
  readonly cookie: string | null | undefined
  /** The peer's address, kept with the session for lists of devices. */
  readonly ip?: string | undefined
  /** Kept with the session for lists of devices. */
  readonly userAgent?: string | undefined
  /** False if the request surely came over plain HTTP: one warning names the cause and the fix. */
  readonly secure?: boolean | undefined
  /**
   * Called once, at the first access to the session or before. From then on the response has to
   * wait for `save`; a request that never uses its session leaves without it.
   */
  readonly onAccess?: (() => void) | undefined
  /** Whether the response's headers have left already; read at the first access. */
  readonly headersSent?: boolean | undefined
}

/** What an adapter tells about the response whose headers are about to leave. */
export interface SessionResponse {
  /** From 500 on data changes are not stored. Default 200. */
  readonly status?: number | undefined
  /** The `Cache-Control` that the app has set. */
  readonly cacheControl?: string | null | undefined
  /** The `Vary` that the app has set. */
  readonly vary?: string | null | undefined
}

/** What the response must carry. */
export interface SavedSession {
  /** `Set-Cookie` is appended to what the app has set; any other header replaces the app's. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/**
 * How sessions are kept, in two functions: the counterpart of Flask's class of that name. Every
 * adapter takes any implementation; `createSessions()` is the one for server-side sessions.
 */
export interface SessionInterface<T extends object = DefaultSessionData> {
  /**
   * The session of a request: always one, anonymous if the request has none.
   *
   * @throws StoreUnavailableError if the store failed or was late.
   */
  open(request: SessionRequest): MaybePromise<Session<T>>
  /**
   * Stores what the request has changed; called once, before the headers leave. If that fails, it is
   * called once more, with the status 500, for what the error's response must carry all the same.
   *
   * @throws SessionError if it could not be stored: then the response must not be sent.
   */
  save(session: Session<T>, response?: SessionResponse): MaybePromise<SavedSession>
}
