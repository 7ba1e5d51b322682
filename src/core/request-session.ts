import { csrfTokenFor, csrfTokenMatches, judgeCsrf } from './csrf.ts'
import { dataProxy } from './data-proxy.ts'
import { HeadersSentError, SessionDataError, StoreUnavailableError } from './errors.ts'
import { checkEntry } from './payload.ts'
import type { CsrfRequest, FlashMessage, Session, SessionKey } from './session.ts'
import { createSecret } from './session-token.ts'
import type { Visit } from './visit.ts'
import type { WorkingCopy } from './working-copy.ts'

/** What a session asks of the manager that made it. */
export interface SessionHost {
  /** Sees to it that the record is loaded and looked at; the first use of a session. */
  access(visit: Visit): void
  load(visit: Visit): Promise<void>
  reload(visit: Visit): Promise<void>
  commit(visit: Visit): Promise<void>
  /** Reports changes that no response can carry any more, unless they are saved at once. */
  noteLateChange(visit: Visit): void
}

let readVisit: (session: object, host: SessionHost) => Visit | null

/** The `Session` that handlers get from `createSessions()`. */
export class RequestSession<T extends object> implements Session<T> {
  readonly #host: SessionHost
  readonly #visit: Visit
  #data: Partial<T> | undefined

  static {
    readVisit = (session, host) =>
      #host in session && session.#host === host ? session.#visit : null
  }

  constructor(host: SessionHost, visit: Visit) {
    this.#host = host
    this.#visit = visit
  }

  /** The record and its data, as this request sees them. */
  #read(): WorkingCopy {
    if (!this.#visit.opened) this.#host.access(this.#visit)
    return this.#visit.working
  }

  /** @throws if a change could not be stored any more */
  #write(needsCookie: boolean): WorkingCopy {
    const working = this.#read()
    const visit = this.#visit
    this.#refuseWhenUnavailable()
    if (visit.headersLeft) {
      if (needsCookie || visit.found === null) {
        throw new HeadersSentError(
          'The response headers have left: no new session and no new token can reach the browser. ' +
            'Do this before the first write of the response.',
        )
      }
      this.#host.noteLateChange(visit)
    }
    return working
  }

  #refuseWhenUnavailable(): void {
    if (this.#visit.detached !== 'unavailable') return
    throw new StoreUnavailableError('The store is unavailable: this session can only be read.')
  }

  get id(): string | null {
    this.#read()
    return this.#visit.found?.record.id ?? null
  }

  get isNew(): boolean {
    this.#read()
    return this.#visit.found === null
  }

  get accessed(): boolean {
    return this.#visit.accessed
  }

  get modified(): boolean {
    const { rotation, destroying, working } = this.#visit
    return rotation !== 'none' || destroying.length > 0 || working.operations().length > 0
  }

  get principal(): string | null {
    return this.#read().state.principal
  }

  get permanent(): boolean {
    return this.#read().state.persistent
  }

  set permanent(value: boolean) {
    const working = this.#write(false)
    if (working.state.persistent !== value) working.apply({ type: 'permanent', value })
  }

  get createdAt(): number | null {
    this.#read()
    return this.#visit.found?.record.createdAt ?? null
  }

  get lastSeenAt(): number | null {
    this.#read()
    return this.#visit.found?.record.lastSeenAt ?? null
  }

  get expiresAt(): number | null {
    this.#read()
    return this.#visit.found?.record.expiresAt ?? null
  }

  get<K extends SessionKey<T>>(key: K): T[K] | undefined {
    return this.#read().get(key) as T[K] | undefined
  }

  set<K extends SessionKey<T>>(key: K, value: T[K]): void {
    checkEntry(key, value)
    this.#write(false).set(key, value)
  }

  has(key: SessionKey<T>): boolean {
    return this.#read().data.has(key)
  }

  delete(key: SessionKey<T>): boolean {
    if (!this.#read().data.has(key)) return false
    this.#write(false).apply({ type: 'delete', key })
    return true
  }

  clear(): void {
    this.#writeStored()?.apply({ type: 'clear' })
  }

  keep(keys: readonly SessionKey<T>[]): void {
    this.#writeStored()?.apply({ type: 'keep', keys: new Set(keys) })
  }

  /** For operations that do nothing to a session that does not exist. */
  #writeStored(): WorkingCopy | null {
    const nothingThere = this.#read().data.size === 0 && this.#visit.found === null
    return nothingThere ? null : this.#write(false)
  }

  update<K extends SessionKey<T>>(key: K, fn: (value: T[K] | undefined) => T[K]): T[K] {
    checkEntry(key, null)
    return this.#write(false).update(key, fn as (value: unknown) => unknown) as T[K]
  }

  *keys(): IterableIterator<SessionKey<T>> {
    yield* this.#read().data.keys() as IterableIterator<SessionKey<T>>
  }

  *entries(): IterableIterator<[SessionKey<T>, T[SessionKey<T>]]> {
    const working = this.#read()
    for (const key of working.data.keys()) {
      yield [key as SessionKey<T>, working.get(key) as T[SessionKey<T>]]
    }
  }

  [Symbol.iterator](): IterableIterator<[SessionKey<T>, T[SessionKey<T>]]> {
    return this.entries()
  }

  get size(): number {
    return this.#read().data.size
  }

  toJSON(): Partial<T> {
    return Object.fromEntries<unknown>(this.entries()) as Partial<T>
  }

  get data(): Partial<T> {
    this.#read()
    this.#data ??= dataProxy<T>(this)
    return this.#data
  }

  login(principal: string, options: { readonly keep?: readonly SessionKey<T>[] } = {}): void {
    checkPrincipal(principal)
    const keep = options.keep === undefined ? null : new Set<string>(options.keep)
    const csrfSeed = createSecret()
    this.#write(true).apply({ type: 'login', principal, keep, csrfSeed })
    this.#visit.rotation = 'login'
    this.#visit.csrfTokenGiven = null
  }

  rotate(): void {
    this.#read()
    if (this.#visit.found === null) return
    this.#write(true)
    if (this.#visit.rotation === 'none') this.#visit.rotation = 'rotate'
  }

  destroy(): void {
    this.#read()
    const visit = this.#visit
    this.#refuseWhenUnavailable()
    visit.endFound()
    // No commit follows the headers; a logout must not wait for one.
    if (visit.headersLeft) this.#host.commit(visit).catch(() => {})
  }

  async load(): Promise<void> {
    await this.#host.load(this.#visit)
  }

  async save(): Promise<void> {
    this.#read()
    await this.#host.commit(this.#visit)
  }

  async reload(): Promise<void> {
    await this.#host.reload(this.#visit)
  }

  flash(message: string, category = 'message'): void {
    checkText('message', message)
    checkText('category', category)
    const id = createSecret().slice(0, 12)
    this.#write(false).apply({ type: 'flash-add', message: { id, category, message } })
  }

  flashes(category?: string): FlashMessage[] {
    const { flash } = this.#read().state.payload
    const taken = flash.filter((one) => category === undefined || one.category === category)
    if (taken.length > 0) {
      this.#write(false).apply({ type: 'flash-take', ids: new Set(taken.map(({ id }) => id)) })
    }
    return taken.map(({ category, message }) => ({ category, message }))
  }

  csrfToken(): string {
    const { payload } = this.#read().state
    const visit = this.#visit
    if (payload.csrfSeed === null) {
      this.#write(false).apply({ type: 'csrf-seed', seed: createSecret() })
    }
    visit.csrfTokenGiven ??= csrfTokenFor(payload.csrfSeed as unknown as string)
    return visit.csrfTokenGiven
  }

  verifyCsrf(request: CsrfRequest, token?: string): boolean {
    const judgement = judgeCsrf(request)
    if (judgement.safe) return true
    const presented = token ?? judgement.token
    const seed = this.#read().state.payload.csrfSeed
    return typeof presented === 'string' && seed !== null && csrfTokenMatches(presented, seed)
  }
}

/** The state behind a session that this host has made; `null` for anything else. */
export function visitOf(session: unknown, host: SessionHost): Visit | null {
  return typeof session === 'object' && session !== null ? readVisit(session, host) : null
}

/** @throws SessionDataError: a principal ends up in indexes, logs and lists */
export function checkPrincipal(principal: string): void {
  checkText('principal', principal)
  if (principal.length < 1 || principal.length > 255 || /\p{Cc}/u.test(principal)) {
    throw new SessionDataError(
      'ERR_SESSION_DATA_TYPE',
      'A principal must have 1 to 255 characters, and no control characters.',
      'principal',
    )
  }
}

function checkText(what: string, text: string): void {
  // Lone surrogates have no UTF-8 form: no database could give them back.
  if (typeof text === 'string' && !/\p{Cs}/u.test(text)) return
  throw new SessionDataError(
    'ERR_SESSION_DATA_TYPE',
    `The ${what} must be a string of well-formed Unicode.`,
    what,
  )
}
