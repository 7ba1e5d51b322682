import type { Session } from './session.ts'
import type {
  SavedSession,
  SessionInterface,
  SessionRequest,
  SessionResponse,
} from './session-interface.ts'
import type { MaybePromise } from './store.ts'

/** What a list of devices shows of a session. Times are epoch milliseconds. */
export interface SessionInfo {
  readonly id: string
  readonly principal: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
  readonly persistent: boolean
  readonly userAgent: string | null
  readonly ip: string | null
}

export interface Health {
  /** Whether the store answered a read. */
  readonly ok: boolean
  readonly latencyMs: number
  /** The message of the store's error, if it failed. */
  readonly error: string | null
  /** The last sweep of this process. */
  readonly lastSweep: { readonly at: number; readonly count: number } | null
}

/** All sessions of an app: what `createSessions()` returns, once per app. */
export interface Sessions<T extends object> extends SessionInterface<T>, AsyncDisposable {
  open(request: SessionRequest): MaybePromise<Session<T>>
  save(session: Session<T>, response?: SessionResponse): MaybePromise<SavedSession>
  /** Runs `fn` so that `current()` and the `session` proxy mean this session. */
  run<R>(session: Session<T>, fn: () => R): R
  /** The session of the request that is being handled. @throws SessionAccessError outside of one */
  current(): Session<T>
  /** The session that an adapter attached to a request, or to its framework's context. */
  of(carrier: object): Session<T>
  /** The live sessions of a principal, newest first; `after` is the id that ended the list before. */
  list(
    principal: string,
    page?: { readonly limit?: number; readonly after?: string },
  ): Promise<SessionInfo[]>
  /** The number of live sessions, by walking over them: for admin pages, not for requests. */
  count(): Promise<number>
  /**
   * Ends a session, if it belongs to the principal. Ids are public, so a bare id from a form must
   * not be enough to end somebody else's; `anyPrincipal` says that it is meant to be.
   *
   * @returns whether there was such a session
   */
  revoke(
    id: string,
    of: { readonly principal: string } | { readonly anyPrincipal: true },
  ): Promise<boolean>
  /** Ends all sessions of a principal, except one. @returns how many */
  revokeAll(principal: string, options?: { readonly except?: string | null }): Promise<number>
  /** Deletes expired records now. @returns how many */
  sweep(): Promise<number>
  health(): Promise<Health>
  /** Stops sweeping, finishes commits under way and closes the store. May be called twice. */
  close(): Promise<void>
}
