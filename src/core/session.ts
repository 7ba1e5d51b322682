/**
 * The session data of the whole app, for those who prefer one global type: augment it with
 * `declare module 'sessile' { interface SessionData { cart: string[] } }`. `createSessions<T>()`
 * needs no augmentation.
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented
export interface SessionData {}

/** `SessionData` where the app has augmented it; any keys, with unknown values, where it has not. */
export type DefaultSessionData = [keyof SessionData] extends [never]
  ? Record<string, unknown>
  : SessionData

export type SessionKey<T extends object> = Extract<keyof T, string>

/** A message for the next page that asks for messages. */
export interface FlashMessage {
  readonly category: string
  readonly message: string
}

/** The part of a request that the CSRF check reads: a Web `Request` and a `node:http` request fit. */
export interface CsrfRequest {
  readonly method?: string | undefined
  readonly headers:
    | { get(name: string): string | null }
    | { readonly [name: string]: string | readonly string[] | undefined }
}

/**
 * The session of one request: a typed map, and what can be done with the session itself.
 *
 * Reads and writes are synchronous and work on plain data. Nothing is stored before the response
 * is about to be sent (or before `await save()`); what is recorded until then are operations, which
 * are applied again to the fresh data if another request changed the session meanwhile. Changes to
 * nested objects count.
 */
export interface Session<T extends object = DefaultSessionData> {
  /** UUIDv7, safe to log; `null` while nothing is stored for this visitor. */
  readonly id: string | null
  /** Nothing is stored for this visitor yet. */
  readonly isNew: boolean
  /** Whether this request has used its session: only then does the response vary by cookie. */
  readonly accessed: boolean
  /** Whether this request has changed something that is not stored yet. */
  readonly modified: boolean
  /** Whom the session belongs to; `null` for an anonymous one. Set by {@link login}. */
  readonly principal: string | null
  /**
   * Whether the cookie outlives the browser. Then `permanentTimeout` takes the place of
   * `idleTimeout`, as in Flask. Default false.
   */
  permanent: boolean
  /** Epoch milliseconds; `null` for a session that is not stored. */
  readonly createdAt: number | null
  /** Epoch milliseconds, exact to a tenth of the idle timeout; `null` for one that is not stored. */
  readonly lastSeenAt: number | null
  /** Epoch milliseconds; `null` for a session that is not stored. */
  readonly expiresAt: number | null

  get<K extends SessionKey<T>>(key: K): T[K] | undefined
  /**
   * @throws SessionDataError at once if the value cannot be stored: it names the path. JSON values,
   * `undefined`, Date, Map, Set, BigInt, typed arrays and cycles can.
   */
  set<K extends SessionKey<T>>(key: K, value: T[K]): void
  has(key: SessionKey<T>): boolean
  /** @returns whether the key was there. */
  delete(key: SessionKey<T>): boolean
  /** Removes all keys, also those that other requests add meanwhile. Flash messages and login stay. */
  clear(): void
  /** Removes all keys but these, also those that other requests add meanwhile. */
  keep(keys: readonly SessionKey<T>[]): void
  /**
   * Atomic read and write: no update of another request is lost. `fn` must be synchronous and free
   * of side effects, because it runs again, on a fresh copy, when another request was faster.
   *
   * @returns the new value.
   */
  update<K extends SessionKey<T>>(key: K, fn: (value: T[K] | undefined) => T[K]): T[K]
  keys(): IterableIterator<SessionKey<T>>
  entries(): IterableIterator<[SessionKey<T>, T[SessionKey<T>]]>
  [Symbol.iterator](): IterableIterator<[SessionKey<T>, T[SessionKey<T>]]>
  readonly size: number
  toJSON(): Partial<T>
  /** The same data with property access: `session.data.cart = []`, `delete session.data.cart`. */
  readonly data: Partial<T>

  /**
   * Makes the session belong to `principal` and gives it a new secret in the same write. The data
   * is kept, or only the keys in `keep`; data of *another* principal is dropped. A request that
   * began before the login cannot write into the session afterwards. A login is never lost: if the
   * session ended or changed hands meanwhile, a new one is stored.
   */
  login(principal: string, options?: { readonly keep?: readonly SessionKey<T>[] }): void
  /** Same session, new secret; the old secret is dead at once. For a change of privilege. */
  rotate(): void
  /** Ends the session, for good. What is set afterwards begins a new one. */
  destroy(): void

  /** Loads the record: needed before the first use only with the option `load: 'lazy'`. */
  load(): Promise<void>
  /**
   * Stores what has changed now instead of with the response.
   *
   * @throws SessionGoneError if the session has ended meanwhile.
   * @throws SessionLimitError if the principal may have no further session.
   * @throws StoreUnavailableError if the store failed or was late.
   */
  save(): Promise<void>
  /**
   * Drops what is not stored and reads the record again: for handlers that live long, such as
   * WebSockets. A session that was revoked or has expired is an anonymous one afterwards.
   */
  reload(): Promise<void>

  /** Keeps a message for the next request that asks. `category` defaults to `'message'`. */
  flash(message: string, category?: string): void
  /** Takes the messages (of one category): each is handed out once. */
  flashes(category?: string): FlashMessage[]

  /** The token that {@link verifyCsrf} accepts; a session that is not stored yet will be. */
  csrfToken(): string
  /**
   * Whether a request may change something. GET, HEAD and OPTIONS pass, except an upgrade;
   * `Sec-Fetch-Site: same-origin` or `none` passes; anything else needs the token, as an argument or
   * as the header `X-CSRF-Token`.
   */
  verifyCsrf(request: CsrfRequest, token?: string): boolean
}
