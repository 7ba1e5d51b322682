import { Committer } from './committer.ts'
import { SessionAccessError, SessionDataError, SessionOptionsError } from './errors.ts'
import type { ResolvedOptions, SessionsOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { attachedSession, currentSession, runWithSession } from './request-context.ts'
import type { SessionHost } from './request-session.ts'
import { checkPrincipal, RequestSession, visitOf } from './request-session.ts'
import { ResponseHeaders } from './response-headers.ts'
import type { DefaultSessionData, Session } from './session.ts'
import type { SavedSession, SessionRequest, SessionResponse } from './session-interface.ts'
import type { SessionRecord } from './session-record.ts'
import { createSessionId } from './session-token.ts'
import type { Health, SessionInfo, Sessions } from './sessions.ts'
import type { MaybePromise } from './store.ts'
import { StoreGuard } from './store-guard.ts'
import { Sweeper } from './sweeper.ts'
import { Visit } from './visit.ts'
import { VisitOpening } from './visit-opening.ts'

/**
 * Makes the sessions of an app: call it once, when the app starts.
 *
 * @throws SessionOptionsError if an option is unknown or impossible
 */
export function createSessions<T extends object = DefaultSessionData>(
  options: SessionsOptions<T>,
): Sessions<T> {
  return new SessionManager<T>(resolveOptions(options))
}

const LARGEST_PAGE = 1000
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

class SessionManager<T extends object> implements Sessions<T>, SessionHost {
  readonly #options: ResolvedOptions
  readonly #guard: StoreGuard
  readonly #opening: VisitOpening
  readonly #committer: Committer
  readonly #headers: ResponseHeaders
  readonly #sweeper: Sweeper
  #closed: Promise<void> | null = null

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#guard = new StoreGuard(options.store, options.storeTimeout, options.events)
    this.#opening = new VisitOpening(options, this.#guard)
    this.#committer = new Committer(options, this.#guard)
    this.#headers = new ResponseHeaders(options)
    this.#sweeper = new Sweeper(options, this.#guard)
    this.#sweeper.start()
  }

  open(request: SessionRequest): MaybePromise<Session<T>> {
    const { cookie, serializer, store, lazy, clock } = this.#options
    const visit = new Visit(request, cookie.read(request.cookie), serializer, clock.now())
    const session = new RequestSession<T>(this, visit)
    if (visit.loaded !== null || store.loadsSynchronously || lazy) return session
    return this.#opening.load(visit).then(() => session)
  }

  save(session: Session<T>, response: SessionResponse = {}): MaybePromise<SavedSession> {
    const visit = visitOf(session, this)
    if (visit === null) {
      throw new SessionOptionsError(
        'save: this is not a session that open() of the same sessions returned.',
      )
    }
    visit.headersLeft = true
    const failed = (response.status ?? 200) >= 500
    const work = this.#committer.commit(visit, { explicit: false, failed })
    if (!(work instanceof Promise)) return this.#headers.of(visit, response)
    return work.then(() => this.#headers.of(visit, response))
  }

  run<R>(session: Session<T>, fn: () => R): R {
    return runWithSession(session, fn)
  }

  current(): Session<T> {
    return this.#own(currentSession<T>())
  }

  of(carrier: object): Session<T> {
    return this.#own(attachedSession<T>(carrier))
  }

  /** A principal of other sessions, such as those of the visitors, is nobody to these of the staff. */
  #own(session: Session<T>): Session<T> {
    if (visitOf(session, this) !== null) return session
    throw new SessionAccessError(
      'ERR_SESSION_NO_CONTEXT',
      'The session of this request belongs to other sessions: each createSessions() has its own, and ' +
        'the middleware that is mounted first decides. Mount each on its own paths.',
    )
  }

  async list(
    principal: string,
    { limit = 100, after }: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<SessionInfo[]> {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > LARGEST_PAGE) {
      throw new SessionOptionsError(`list: limit must be a whole number from 1 to ${LARGEST_PAGE}.`)
    }
    const query = { principal, limit, ...(after !== undefined && { after }) }
    const page = await this.#guard.call('list', (store) =>
      store.list(query, this.#options.clock.now()),
    )
    return page.records.map(toInfo)
  }

  async count(): Promise<number> {
    const seen = new Set<string>()
    let cursor: string | null = null
    do {
      const query: { limit: number; cursor?: string } = { limit: 500, ...(cursor && { cursor }) }
      const page = await this.#guard.call('scan', (store) =>
        store.scan(query, this.#options.clock.now()),
      )
      for (const { id } of page.records) seen.add(id)
      cursor = page.next
    } while (cursor !== null)
    return seen.size
  }

  async revoke(
    id: string,
    of: { readonly principal: string } | { readonly anyPrincipal: true },
  ): Promise<boolean> {
    const conditions = revokeConditions(of)
    if (typeof id !== 'string' || !ID.test(id)) return false
    const outcome = await this.#guard.call('delete', (store) => store.delete(id, conditions))
    if (outcome !== 'deleted') return false
    this.#options.events.emit({ type: 'revoked', id })
    return true
  }

  async revokeAll(
    principal: string,
    { except }: { readonly except?: string | null } = {},
  ): Promise<number> {
    checkPrincipal(principal)
    const selection = { principal, ...(typeof except === 'string' && { exceptId: except }) }
    const count = await this.#guard.call('deleteAll', (store) => store.deleteAll(selection))
    this.#options.events.emit({ type: 'revoked-all', principal, count })
    return count
  }

  sweep(): Promise<number> {
    return this.#sweeper.sweep()
  }

  async health(): Promise<Health> {
    const startedAt = performance.now()
    const now = this.#options.clock.now()
    let error: string | null = null
    try {
      await this.#guard.call('load', (store) => store.load([createSessionId(now)], now))
    } catch (failure) {
      error = failure instanceof Error ? failure.message : 'unknown'
    }
    const latencyMs = performance.now() - startedAt
    return { ok: error === null, latencyMs, error, lastSweep: this.#sweeper.last }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#sweeper.stop()
      await this.#committer.idle()
      await this.#options.store.close()
    })()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  access(visit: Visit): void {
    this.#opening.access(visit)
  }

  load(visit: Visit): Promise<void> {
    return this.#opening.load(visit)
  }

  async reload(visit: Visit): Promise<void> {
    while (visit.committing !== null) await visit.committing
    visit.restart()
    await this.#opening.load(visit)
  }

  async commit(visit: Visit): Promise<void> {
    await this.#committer.commit(visit, { explicit: true, failed: false })
  }

  noteLateChange(visit: Visit): void {
    if (visit.lateChangeReported) return
    visit.lateChangeReported = true
    // The handler may be about to call save(): it has until its own turn of the event loop ends.
    setImmediate(() => this.#reportLateChange(visit))
  }

  #reportLateChange(visit: Visit): void {
    if (visit.committing !== null) {
      // It began before the change or after it: what it leaves behind tells.
      void visit.committing.then(() => setImmediate(() => this.#reportLateChange(visit)))
      return
    }
    visit.lateChangeReported = false
    const keys = changedKeys(visit)
    if (keys.length === 0) return
    const id = visit.found?.record.id ?? null
    this.#options.events.emit({ type: 'late-change', id, keys })
  }
}

function changedKeys({ working }: Visit): string[] {
  try {
    const keys = working
      .operations()
      .map((operation) => ('key' in operation ? operation.key : operation.type))
    return [...new Set(keys)]
  } catch (error) {
    // Nobody awaits this: a value that cannot be stored must not end the process.
    return error instanceof SessionDataError ? [error.path] : []
  }
}

function revokeConditions(of: { readonly principal?: unknown; readonly anyPrincipal?: unknown }) {
  if (typeof of?.principal === 'string') return { principal: of.principal }
  if (of?.anyPrincipal === true) return {}
  throw new SessionOptionsError(
    'revoke: say whose session it must be, { principal }, or { anyPrincipal: true } to end it ' +
      'whoever has it.',
  )
}

function toInfo(record: SessionRecord): SessionInfo {
  const { id, principal, createdAt, lastSeenAt, expiresAt, persistent, userAgent, ip } = record
  return { id, principal, createdAt, lastSeenAt, expiresAt, persistent, userAgent, ip }
}
