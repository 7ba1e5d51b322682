import type { FoundSession } from './admission.ts'
import type { Serializer } from './serializer.ts'
import type { SessionRequest } from './session-interface.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionToken } from './session-token.ts'
import { WorkingCopy } from './working-copy.ts'

/** What the response does to the cookie. */
export type CookieChange =
  | { readonly type: 'set'; readonly token: SessionToken; readonly record: SessionRecord }
  | { readonly type: 'expire' }

/**
 * Why changes of a visitor without a session are not stored (a login still is): its token was
 * `'superseded'`, its row has a `'newer-format'`, or the store is `'unavailable'`.
 */
export type Detachment = 'superseded' | 'newer-format' | 'unavailable'

/** All that is known of one request's session: the state behind a `Session` object. */
export class Visit {
  readonly request: SessionRequest
  /** Epoch milliseconds. */
  readonly arrivedAt: number
  readonly #serializer: Serializer
  /** The well-formed tokens of the Cookie header. */
  tokens: readonly SessionToken[]
  /** The records that the store had for the tokens; `null` before the load. */
  loaded: SessionRecord[] | null
  /** Whether the records have been looked at: which one admits, and what it holds. */
  opened = false
  accessed = false

  /** The stored session and the token that opened it; `null` for an anonymous visitor. */
  found: FoundSession | null = null
  detached: Detachment | null = null
  /** Ids of all live sessions whose token the request presented: what `destroy` ends. */
  presentedIds: readonly string[] = []
  working: WorkingCopy

  rotation: 'none' | 'rotate' | 'login' = 'none'
  /** Ids that `destroy()` has to end with the next commit. */
  destroying: string[] = []
  csrfTokenGiven: string | null = null
  /** Ids of sessions that this very request has begun. */
  readonly createdIds: string[] = []
  /** The token that the response has to bring to the browser. */
  issued: { readonly token: SessionToken; readonly record: SessionRecord } | null = null
  /** The request has ended a session whose cookie the browser has. */
  #isCookieDead = false
  /** The response's headers have left, or are leaving: no token can reach the browser any more. */
  headersLeft = false
  lateChangeReported = false
  /** The commit under way, if any: the next one of this visit waits for it. */
  committing: Promise<unknown> | null = null

  constructor(
    request: SessionRequest,
    tokens: readonly SessionToken[],
    serializer: Serializer,
    arrivedAt: number,
  ) {
    this.request = request
    this.arrivedAt = arrivedAt
    this.tokens = tokens
    this.loaded = tokens.length === 0 ? [] : null
    this.#serializer = serializer
    this.working = new WorkingCopy(serializer)
  }

  get cookie(): CookieChange | null {
    if (this.issued !== null) return { type: 'set', ...this.issued }
    return this.#isCookieDead ? { type: 'expire' } : null
  }

  /**
   * Notes that this request, and no other one, has ended a session. If it had begun the session as
   * well, the cookie that the browser has is of another one, perhaps of a fresh login.
   */
  ended(id: string): void {
    if (this.issued?.record.id === id) this.issued = null
    if (!this.createdIds.includes(id)) this.#isCookieDead = true
  }

  /** The session is to end with the next commit; the visitor is anonymous from now on. */
  endFound(): void {
    this.destroying = [...new Set([...this.destroying, ...this.presentedIds])]
    this.presentedIds = []
    this.tokens = []
    this.found = null
    // The row that this version cannot read is one of those that end.
    if (this.detached === 'newer-format') this.detached = null
    this.rotation = 'none'
    this.csrfTokenGiven = null
    this.issued = null
    this.working = new WorkingCopy(this.#serializer)
  }

  /** Forgets all but the token, to be loaded again. */
  restart(): void {
    if (this.found !== null) this.tokens = [this.found.token]
    this.loaded = this.tokens.length === 0 ? [] : null
    this.opened = false
    this.found = null
    this.detached = null
    this.rotation = 'none'
    this.csrfTokenGiven = null
    this.working = new WorkingCopy(this.#serializer)
  }
}
