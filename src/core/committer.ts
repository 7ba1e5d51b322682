import type { FoundSession } from './admission.ts'
import { admit, ROTATION_GRACE } from './admission.ts'
import type { ChangeResult } from './commit-queue.ts'
import { CommitQueue } from './commit-queue.ts'
import { SessionGoneError } from './errors.ts'
import type { DropReason } from './events.ts'
import type { Operation } from './operations.ts'
import type { ResolvedOptions } from './options.ts'
import { decodePayload } from './payload.ts'
import type { Draft, Rotation } from './record-draft.ts'
import {
  createRecord,
  draftOf,
  idleTimeoutOf,
  isTouchDue,
  makeDraft,
  rotatedState,
} from './record-draft.ts'
import type { SessionRecord } from './session-record.ts'
import { deadline } from './session-record.ts'
import { createSecret } from './session-token.ts'
import type { MaybePromise } from './store.ts'
import type { StoreGuard } from './store-guard.ts'
import type { Visit } from './visit.ts'
import { emptyState, WorkingCopy } from './working-copy.ts'

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
    const changed = hasChanged(visit, occasion)
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
      visit.ended(id)
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
    const until = this.#guard.deadline()
    const made = await this.#attempt(visit, draft, () =>
      createRecord(draft, visit.request, this.#options, this.#guard, until),
    )
    this.#adopt(visit, working, made)
  }

  /** Hands over what the visit wants to store; if that fails, the next commit tries it again. */
  async #attempt<R>(
    visit: Visit,
    draft: Draft,
    store: (operations: readonly Operation[]) => Promise<R>,
  ): Promise<R> {
    const { working, rotation } = visit
    const operations = working.take(draft.data)
    // From here on, what the handler asks for is the next commit's.
    visit.rotation = 'none'
    try {
      return await store(operations)
    } catch (error) {
      working.restore()
      const isStronger = visit.rotation === 'none' || rotation === 'login'
      if (visit.working === working && isStronger) visit.rotation = rotation
      throw error
    }
  }

  /** A session that this visit has made: from now on it is the visit's session. */
  #adopt(
    visit: Visit,
    working: WorkingCopy,
    { record, token }: Omit<ChangeResult & { type: 'created' }, 'type'>,
  ): void {
    const { id, principal } = record
    this.#options.events.emit({ type: 'created', id, principal })
    if (principal !== null) this.#options.events.emit({ type: 'login', id, principal })
    visit.createdIds.push(id)
    if (visit.working !== working) {
      // The handler has destroyed the session while it was being stored.
      visit.destroying.push(id)
      return
    }
    visit.found = { record, token, admission: 'current' }
    visit.presentedIds = [...visit.presentedIds, id]
    visit.issued = { token, record }
    visit.detached = null
  }

  /** What the commit does to the secret, by the handler's wish or by the clock. */
  #rotation(visit: Visit, occasion: CommitOccasion): Rotation {
    const { found, rotation } = visit
    if (rotation !== 'none' || found === null) return rotation
    const { record, admission } = found
    const now = this.#options.clock.now()
    const isTimed = record.previousSecretHash !== null && record.previousSecretUntil === null
    const isPresented = visit.issued?.token !== found.token
    if (admission === 'current' && isTimed) return isPresented ? 'confirm' : 'none'
    const tooLate = visit.headersLeft && occasion.explicit
    if (this.#options.rotateAfter === null || tooLate || occasion.failed) return 'none'
    const rotatedAt = visit.working.state.payload.rotatedAt ?? record.createdAt
    // The new secret may have been lost on its way: then only the previous one keeps arriving. A slow
    // request says nothing about that: the browser sent it before it could know the new one.
    const isDue =
      admission === 'previous'
        ? visit.arrivedAt - rotatedAt >= ROTATION_GRACE
        : now - rotatedAt >= this.#options.rotateAfter
    return isDue ? 'timed' : 'none'
  }

  async #change(visit: Visit, rotation: Rotation, occasion: CommitOccasion): Promise<void> {
    const { working, found } = visit
    if (found === null) return
    const { record: base, token, admission } = found
    const isUntouched = working.operations().length === 0
    const state = rotatedState(working.state, rotation, this.#options)
    const draft = isUntouched
      ? draftOf(state, this.#options)
      : makeDraft(state, this.#options, base.data)
    let isPermanenceSet = false
    const result = await this.#attempt(visit, draft, (operations) => {
      isPermanenceSet = operations.some(({ type }) => type === 'permanent')
      return this.#queue.submit({
        base,
        token,
        admission,
        operations,
        draft,
        rotation,
        keepsEmpty: visit.csrfTokenGiven !== null || isUntouched,
        request: visit.request,
        deadline: this.#guard.deadline(),
      })
    })
    if (result.type === 'created') return this.#adopt(visit, working, result)
    // Destroyed while it was being stored: what became of the change matters no more.
    if (visit.working !== working) return
    if (result.type === 'dropped') return this.#drop(visit, result.reason, occasion)
    if (result.type === 'emptied') return this.#forget(visit, found)
    if (!result.replayed) working.state.payload.rotatedAt = state.payload.rotatedAt
    this.#apply(visit, found, result, { rotation, isPermanenceSet })
  }

  /** The session held nothing any more, and its record is deleted. */
  #forget(visit: Visit, { record: { id } }: FoundSession): void {
    visit.found = null
    visit.ended(id)
    visit.working.rebase(emptyState())
    this.#options.events.emit({ type: 'destroyed', id })
  }

  #apply(
    visit: Visit,
    found: FoundSession,
    { record, newToken, replayed }: ChangeResult & { type: 'saved' },
    { rotation, isPermanenceSet }: { rotation: Rotation; isPermanenceSet: boolean },
  ): void {
    const { events, serializer } = this.#options
    const { id, persistent, principal } = record
    const token = newToken ?? found.token
    const admission = newToken === null ? this.#admissionNow(found, record) : 'current'
    visit.found = { record, token, admission }
    if (newToken !== null || (isPermanenceSet && admission === 'current')) {
      visit.issued = { token, record }
    }
    events.emit({ type: 'saved', id })
    if (newToken !== null) {
      events.emit({ type: 'rotated', id, timed: rotation === 'timed' })
      if (rotation === 'login' && principal !== null) events.emit({ type: 'login', id, principal })
    }
    const payload = replayed ? decodePayload(record.data, serializer) : null
    if (payload !== null && typeof payload !== 'string') {
      visit.working.rebase({ payload, persistent, principal })
    }
  }

  /** What the token of this visit is to the session after a save: another one may have rotated it. */
  #admissionNow(found: FoundSession, record: SessionRecord): 'current' | 'previous' {
    if (record.secretHash === found.record.secretHash) return found.admission
    const { hasher, clock } = this.#options
    return admit(record, found.token, hasher, clock.now()) === 'current' ? 'current' : 'previous'
  }

  /** The visitor goes on without a session, and nothing but a login reaches one now. */
  #drop(visit: Visit, reason: DropReason, occasion: CommitOccasion): void {
    const { events, serializer } = this.#options
    const id = visit.found?.record.id ?? null
    events.emit({ type: 'dropped', id, reason })
    if (reason === 'failed-response') {
      visit.rotation = 'none'
      visit.working = this.#asStored(visit.found)
      return
    }
    if (visit.rotation !== 'login') visit.working = new WorkingCopy(serializer)
    visit.found = null
    visit.detached ??= 'superseded'
    visit.issued = null
    if (occasion.explicit) {
      throw new SessionGoneError(
        'The session has ended, or this request may no longer write to it.',
      )
    }
  }

  #asStored(found: FoundSession | null): WorkingCopy {
    const { serializer } = this.#options
    const payload = found && decodePayload(found.record.data, serializer)
    if (found === null || payload === null || typeof payload === 'string') {
      return new WorkingCopy(serializer)
    }
    const { persistent, principal } = found.record
    return new WorkingCopy(serializer, { payload, persistent, principal })
  }

  /** A touch that fails harms nobody now: the guard reports it, and the next request tries again. */
  async #touch(visit: Visit, found: FoundSession, now: number): Promise<void> {
    const { record } = found
    if (this.#touching.has(record.id)) return
    const idleTimeout = idleTimeoutOf(this.#options, visit.working.state, record)
    this.#touching.add(record.id)
    try {
      await this.#guard.call('touch', (store) =>
        store.touch(record.id, record.version, now, idleTimeout, now),
      )
      const touched = { ...record, idleTimeout, lastSeenAt: now }
      if (visit.found === found) {
        visit.found = { ...found, record: { ...touched, expiresAt: deadline(touched) } }
      }
    } catch {
      // Reported by the guard.
    } finally {
      this.#touching.delete(record.id)
    }
  }
}

function hasChanged({ working, rotation }: Visit, { failed }: CommitOccasion): boolean {
  try {
    return rotation !== 'none' || working.operations().length > 0
  } catch (error) {
    // A value that cannot be stored; it is not going to be.
    if (failed) return true
    throw error
  }
}
