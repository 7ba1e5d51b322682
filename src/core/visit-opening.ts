import type { FoundSession, Refusal } from './admission.ts'
import { findSessions } from './admission.ts'
import { SessionAccessError } from './errors.ts'
import { RateLimiter } from './events.ts'
import type { ResolvedOptions } from './options.ts'
import { decodePayload } from './payload.ts'
import { firstMismatch } from './schema.ts'
import type { SessionRecord } from './session-record.ts'
import type { StoreGuard } from './store-guard.ts'
import type { Visit } from './visit.ts'
import { WorkingCopy } from './working-copy.ts'

/** Loads the records of a visit and decides which session it is. */
export class VisitOpening {
  readonly #options: ResolvedOptions
  readonly #guard: StoreGuard
  readonly #refusals = new RateLimiter()

  constructor(options: ResolvedOptions, guard: StoreGuard) {
    this.#options = options
    this.#guard = guard
  }

  /** Asks the store for the records, unless that has been done. */
  async load(visit: Visit): Promise<void> {
    if (visit.loaded !== null) return
    try {
      visit.loaded = await this.#ask(visit)
    } catch (error) {
      this.#unavailable(visit, error)
    }
  }

  /** The first use of a session: asks a synchronous store now, and opens what was loaded. */
  access(visit: Visit): void {
    if (!visit.accessed) {
      visit.accessed = true
      if (visit.request.headersSent === true) visit.headersLeft = true
      visit.request.onAccess?.()
    }
    if (visit.loaded === null) {
      if (!this.#options.store.loadsSynchronously) throw notLoaded()
      try {
        visit.loaded = this.#ask(visit) as SessionRecord[]
      } catch (error) {
        this.#unavailable(visit, error)
      }
    }
    visit.opened = true
    this.#open(visit, visit.loaded ?? [])
  }

  #ask(visit: Visit) {
    const ids = [...new Set(visit.tokens.map(({ id }) => id))]
    const now = this.#options.clock.now()
    return this.#guard.call('load', (store) => store.load(ids, now))
  }

  #unavailable(visit: Visit, error: unknown): void {
    if (!this.#options.anonymousWhenDown) throw error
    visit.loaded = []
    visit.detached = 'unavailable'
  }

  #open(visit: Visit, records: readonly SessionRecord[]): void {
    if (visit.tokens.length === 0 || visit.detached === 'unavailable') return
    const { clock, hasher, events } = this.#options
    const { admitted, refused } = findSessions(visit.tokens, records, hasher, clock.now())
    const ids = admitted.map(({ record }) => record.id)
    visit.presentedIds = [...new Set([...visit.presentedIds, ...ids])]
    for (const found of admitted) {
      if (this.#take(visit, found)) break
    }
    for (const refusal of refused) this.#report(refusal)
    if (visit.found === null && refused.some(({ isStraggler }) => isStraggler)) {
      visit.detached ??= 'superseded'
    }
    const count = new Set(visit.tokens.map(({ id }) => id)).size
    if (count > 1 && visit.found !== null) {
      events.emit({ type: 'duplicate-cookies', id: visit.found.record.id, count })
    }
  }

  /** Makes a record the visit's session, if its payload can be read. */
  #take(visit: Visit, found: FoundSession): boolean {
    const { serializer, events, schema } = this.#options
    const { id, data, persistent, principal } = found.record
    const payload = decodePayload(data, serializer)
    if (typeof payload === 'string') {
      if (payload === 'newer') visit.detached = 'newer-format'
      if (this.#refusals.allows(`unreadable ${id}`, this.#options.clock.now())) {
        events.emit({ type: 'unreadable', id, newerFormat: payload === 'newer' })
      }
      return false
    }
    visit.found = found
    visit.detached = null
    visit.working = new WorkingCopy(serializer, { payload, persistent, principal })
    const path = schema ? firstMismatch(schema, Object.fromEntries(payload.data)) : null
    if (path !== null) events.emit({ type: 'schema-mismatch', id, path })
    return true
  }

  #report({ id, why }: Refusal): void {
    // Not by id alone: whoever knows the id could keep the event of a replay back with wrong secrets.
    if (!this.#refusals.allows(`${why} ${id}`, this.#options.clock.now())) return
    const { events } = this.#options
    if (why === 'superseded' || why === 'replayed') events.emit({ type: why, id })
    else events.emit({ type: 'rejected', id, reason: why })
  }
}

function notLoaded(): SessionAccessError {
  return new SessionAccessError(
    'ERR_SESSION_NOT_LOADED',
    "The session is not loaded yet: with load: 'lazy', call await session.load() before its first use.",
  )
}
