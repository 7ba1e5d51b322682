import type { FoundSession } from './admission.ts'
import { ROTATION_GRACE } from './admission.ts'
import type { ChangeResult } from './commit-queue.ts'
import { CommitQueue } from './commit-queue.ts'
import { SessionGoneError } from './errors.ts'
import type { DropReason } from './events.ts'
import type { ResolvedOptions } from './options.ts'
import { decodePayload } from './payload.ts'
import type { Rotation } from './record-draft.ts'
import { createRecord, idleTimeoutOf, isTouchDue, makeDraft } from './record-draft.ts'
import { createSecret } from './session-token.ts'
import type { MaybePromise } from './store.ts'
import type { StoreGuard } from './store-guard.ts'
import type { Visit } from './visit.ts'
import { emptyState } from './working-copy.ts'

/** When and why a commit happens. */
export interface CommitOccasion {
  /** By the handler's own `save()`, which wants to know when its changes cannot be stored. */
  readonly explicit: boolean
  /** The response has the status 500 or above: only what `destroy()` asked for is done. */
  readonly failed: boolean
}

/** Decides what one visit has to store, and stores it. */
export class Committer {
  readonly #options: ResolvedOptions
  readonly #guard: StoreGuard
  readonly #queue: CommitQueue
  /** Ids of the sessions that are being touched: one request of many is enough. */
  readonly #touching = new Set<string>()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(options: ResolvedOptions, guard: StoreGuard) {
    this.#options = options
    this.#guard = guard
    this.#queue = new CommitQueue(options, guard)
  }

  /** Commits of one visit run one after the other; returns nothing at once if nothing is to be done. */
  commit(visit: Visit, occasion: CommitOccasion): MaybePromise<void> {
    const work =
      visit.committing === null
        ? this.#commit(visit, occasion)
        : visit.committing.then(() => this.#commit(visit, occasion))
    if (!(work instanceof Promise)) return
    const settled = work.catch(() => {})
    visit.committing = settled
    this.#underWay.add(settled)
    void settled.then(() => {
      this.#underWay.delete(settled)
      if (visit.committing === settled) visit.committing = null
    })
    return work
  }

  /** Waits for all commits that have begun. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #commit(visit: Visit, occasion: CommitOccasion): MaybePromise<void> {
    if (visit.destroying.length > 0) {
      return this.#destroy(visit).then(() => this.#commit(visit, occasion))
    }
    if (!visit.opened) return
    const changed = visit.working.operations().length > 0 || visit.rotation !== 'none'
    if (occasion.failed && changed) return this.#drop(visit, 'failed-response', occasion)
    if (visit.found === null) return changed ? this.#create(visit, occasion) : undefined
    const rotation = this.#rotation(visit, occasion)
    if (changed || rotation !== 'none') return this.#change(visit, rotation, occasion)
    const now = this.#options.clock.now()
    return isTouchDue(visit.found.record, now) ? this.#touch(visit, visit.found, now) : undefined
  }

  /** Without a version: a logout is final whatever other requests do meanwhile. */
  async #destroy(visit: Visit): Promise<void> {
    for (const id of [...visit.destroying]) {
      const outcome = await this.#guard.call('delete', (store) => store.delete(id))
      visit.destroying = visit.destroying.filter((other) => other !== id)
      if (outcome !== 'deleted') continue
      // Only the request that really ended it expires the cookie: the browser may have a new one.
      visit.cookie = { type: 'expire' }
      this.#options.events.emit({ type: 'destroyed', id })
    }
  }

  async #create(visit: Visit, occasion: CommitOccasion): Promise<void> {
    const { working } = visit
    const { payload, principal } = working.state
    if (visit.detached !== null && visit.rotation !== 'login') {
      return this.#drop(
        visit,
        visit.detached === 'superseded' ? 'superseded' : 'newer-format',
        occasion,
      )
    }
    const isEmpty = payload.data.size === 0 && payload.flash.length === 0 && principal === null
    if (isEmpty && visit.csrfTokenGiven === null) return
    payload.csrfSeed ??= createSecret()
    const draft = makeDraft(working.state, this.#options)
    const operations = working.take(draft.data)
    const until = this.#guard.deadline()
    try {
      const made = await createRecord(draft, visit.request, this.#options, this.#guard, until)
      this.#adopt(visit, made)
    } catch (error) {
      working.restore(operations)
      throw error
    }
  }

  /** A session that this visit has made: from now on it is the visit's session. */
  #adopt(visit: Visit, made: Omit<ChangeResult & { type: 'created' }, 'type'>): void {
    const { record, token } = made
    visit.found = { record, token, admission: 'current' }
    visit.presentedIds = [...visit.presentedIds, record.id]
    visit.cookie = { type: 'set', token, record }
    visit.detached = null
    visit.rotation = 'none'
    const { id, principal } = record
    this.#options.events.emit({ type: 'created', id, principal })
    if (principal !== null) this.#options.events.emit({ type: 'login', id, principal })
  }

  /** What the commit does to the secret, by the handler's wish or by the clock. */
  #rotation(visit: Visit, occasion: CommitOccasion): Rotation {
    const { found, rotation } = visit
    if (rotation !== 'none' || found === null) return rotation
    const { record, admission } = found
    const now = this.#options.clock.now()
    const isTimed = record.previousSecretHash !== null && record.previousSecretUntil === null
    if (admission === 'current' && isTimed) return 'confirm'
    const tooLate = visit.headersLeft && occasion.explicit
    if (this.#options.rotateAfter === null || tooLate || occasion.failed) return 'none'
    const secretAge = now - (visit.working.state.payload.rotatedAt ?? record.createdAt)
    // The new secret may have been lost on its way: then only the previous one keeps arriving.
    const wait = admission === 'previous' ? ROTATION_GRACE : this.#options.rotateAfter
    return secretAge >= wait ? 'timed' : 'none'
  }

  async #change(visit: Visit, rotation: Rotation, occasion: CommitOccasion): Promise<void> {
    const { working, found } = visit
    if (found === null) return
    const { record: base, token, admission } = found
    const wasRotation = visit.rotation
    if (rotation !== 'none' && rotation !== 'confirm' && this.#options.rotateAfter !== null) {
      working.state.payload.rotatedAt = this.#options.clock.now()
    }
    const draft = makeDraft(working.state, this.#options, base.data)
    const operations = working.take(draft.data)
    visit.rotation = 'none'
    try {
      const result = await this.#queue.submit({
        base,
        token,
        admission,
        operations,
        draft,
        rotation,
        keepsEmpty: visit.csrfTokenGiven !== null || operations.length === 0,
        request: visit.request,
        deadline: this.#guard.deadline(),
      })
      this.#apply(visit, result, rotation, occasion)
    } catch (error) {
      working.restore(operations)
      visit.rotation = wasRotation
      throw error
    }
  }

  #apply(visit: Visit, result: ChangeResult, rotation: Rotation, occasion: CommitOccasion): void {
    const { working, found } = visit
    const { events, serializer } = this.#options
    if (found === null) return
    const { id } = found.record
    if (result.type === 'dropped') {
      this.#drop(visit, result.reason, occasion)
      return
    }
    if (result.type === 'created') {
      this.#adopt(visit, result)
      return
    }
    if (result.type === 'emptied') {
      visit.found = null
      visit.cookie = { type: 'expire' }
      working.rebase(emptyState(), null)
      events.emit({ type: 'destroyed', id })
      return
    }
    const { record, newToken, replayed } = result
    const payload = replayed ? decodePayload(record.data, serializer) : null
    if (payload !== null && typeof payload !== 'string') {
      const { persistent, principal } = record
      working.rebase({ payload, persistent, principal }, record.data)
    }
    const token = newToken ?? found.token
    visit.found = { record, token, admission: newToken ? 'current' : found.admission }
    const persistenceChanged = record.persistent !== found.record.persistent
    if (newToken !== null || (persistenceChanged && found.admission === 'current')) {
      visit.cookie = { type: 'set', token, record }
    }
    events.emit({ type: 'saved', id })
    if (newToken === null) return
    events.emit({ type: 'rotated', id, timed: rotation === 'timed' })
    if (rotation === 'login' && record.principal !== null) {
      events.emit({ type: 'login', id, principal: record.principal })
    }
  }

  /** The visitor goes on without a session, and nothing that it does now reaches one. */
  #drop(visit: Visit, reason: DropReason, occasion: CommitOccasion): void {
    const id = visit.found?.record.id ?? null
    visit.rotation = 'none'
    visit.working.take(visit.found?.record.data ?? null)
    this.#options.events.emit({ type: 'dropped', id, reason })
    if (reason === 'failed-response') return
    visit.working.rebase(emptyState(), null)
    visit.found = null
    visit.detached ??= 'superseded'
    if (occasion.explicit) {
      throw new SessionGoneError(
        'The session has ended, or this request may no longer write to it.',
      )
    }
  }

  /** A touch that fails harms nobody now: the guard reports it, and the next request tries again. */
  async #touch(visit: Visit, { record }: FoundSession, now: number): Promise<void> {
    if (this.#touching.has(record.id)) return
    this.#touching.add(record.id)
    const idleTimeout = idleTimeoutOf(this.#options, visit.working.state, record)
    try {
      await this.#guard.call('touch', (store) =>
        store.touch(record.id, record.version, now, idleTimeout, now),
      )
    } catch {
      // Reported by the guard.
    } finally {
      this.#touching.delete(record.id)
    }
  }
}
