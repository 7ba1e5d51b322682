import type { Admission } from './admission.ts'
import { admit } from './admission.ts'
import { SessionConflictError, StoreUnavailableError } from './errors.ts'
import type { DropReason } from './events.ts'
import type { Operation, SessionState } from './operations.ts'
import { applyOperation } from './operations.ts'
import type { ResolvedOptions } from './options.ts'
import { copyValue, decodePayload } from './payload.ts'
import type { Draft, Rotation } from './record-draft.ts'
import {
  createRecord,
  draftOf,
  limitReached,
  makeDraft,
  nextRecord,
  rotatedState,
} from './record-draft.ts'
import type { SessionRequest } from './session-interface.ts'
import type { SessionRecord } from './session-record.ts'
import type { SessionToken } from './session-token.ts'
import type { StoreGuard } from './store-guard.ts'

/** What one request wants to change in a stored session. */
export interface Change {
  /** The record as the request loaded it. */
  readonly base: SessionRecord
  /** What the request was admitted with, and how. */
  readonly token: SessionToken
  readonly admission: Admission
  readonly operations: readonly Operation[]
  /** The result of the operations on `base`. */
  readonly draft: Draft
  readonly rotation: Rotation
  /** The request gave out a CSRF token: the row stays even if nothing else is in it. */
  readonly keepsEmpty: boolean
  readonly request: SessionRequest
  /** On the clock of `performance.now()`. */
  readonly deadline: number
}

export type ChangeResult =
  /** `replayed`: on fresher data than the request had loaded. */
  | {
      readonly type: 'saved'
      readonly record: SessionRecord
      readonly newToken: SessionToken | null
      readonly replayed: boolean
    }
  /** A login that could not go into the session it came from. */
  | { readonly type: 'created'; readonly record: SessionRecord; readonly token: SessionToken }
  | { readonly type: 'emptied' }
  | { readonly type: 'dropped'; readonly reason: DropReason }

interface Job extends PromiseWithResolvers<ChangeResult> {
  readonly change: Change
  expiry?: NodeJS.Timeout
  settled: boolean
}

interface Plan {
  readonly record: SessionRecord
  readonly newToken: SessionToken | null
  readonly isEmpty: boolean
  readonly replayed: boolean
}

/** More changes than this are not put into one save: each caller waits for all of them. */
const LARGEST_BATCH = 256

/**
 * Commits changes of stored sessions: those of one session one after the other, each on what the
 * one before it has stored. Changes that wait are put into one save. What other processes do shows
 * as a conflict: then the record is loaded again and the operations are done again.
 */
export class CommitQueue {
  readonly #options: ResolvedOptions
  readonly #guard: StoreGuard
  /** The jobs that wait, for each session that has one under way. */
  readonly #waiting = new Map<string, Job[]>()

  constructor(options: ResolvedOptions, guard: StoreGuard) {
    this.#options = options
    this.#guard = guard
  }

  submit(change: Change): Promise<ChangeResult> {
    const { id } = change.base
    const job: Job = { ...promiseWithResolvers<ChangeResult>(), change, settled: false }
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      this.#waiting.set(id, [])
      void this.#drain(id, job)
    } else {
      waiting.push(job)
      job.expiry = setTimeout(
        () => this.#reject(job, new StoreUnavailableError('The store did not save in time.')),
        Math.max(0, change.deadline - performance.now()),
      )
    }
    return job.promise
  }

  async #drain(id: string, first: Job): Promise<void> {
    let latest: SessionRecord | null = null
    let batch: Job[] = [first]
    while (batch.length > 0) {
      try {
        latest = await this.#commit(batch, latest)
      } catch (error) {
        latest = null
        for (const job of batch) this.#reject(job, error)
      }
      batch = nextBatch(this.#waiting.get(id) as Job[])
    }
    this.#waiting.delete(id)
  }

  /** @returns the record as it is now, or `null` if nobody here knows. */
  async #commit(jobs: Job[], latest: SessionRecord | null): Promise<SessionRecord | null> {
    let record = latest ?? newestBase(jobs)
    const { id } = record
    for (let attempt = 1; ; attempt++) {
      const now = this.#options.clock.now()
      const open = await this.#stillAdmitted(jobs, record, now)
      const plan = this.#plan(open, record, now)
      if (plan === 'separately') {
        return this.#commitSeparately(open, record)
      }
      if (plan === 'unreadable' || plan === 'newer') {
        await this.#end(open, plan === 'newer' ? 'newer-format' : 'gone')
        return record
      }
      if (plan === null) return record
      const live = jobs.filter((job) => !job.settled)
      const deadline = Math.max(...live.map((job) => job.change.deadline))
      const outcome = await this.#write(plan, record, live, now, deadline)
      if (outcome === 'saved' || outcome === 'deleted') return this.#succeed(live, plan, record)
      if (outcome === 'limit') throw limitReached()
      if (outcome === 'gone') {
        await this.#end(live, 'gone')
        return null
      }
      this.#options.events.emit({ type: 'conflict', id, attempt })
      await pause(attempt)
      for (const job of live) {
        if (performance.now() < job.change.deadline) continue
        this.#reject(job, new SessionConflictError('Other processes kept changing the session.'))
      }
      const [fresh] = await this.#guard.call(
        'load',
        (store) => store.load([id], this.#options.clock.now()),
        deadline,
      )
      if (fresh === undefined) {
        await this.#end(
          jobs.filter((job) => !job.settled),
          'gone',
        )
        return null
      }
      record = fresh
    }
  }

  async #commitSeparately(jobs: readonly Job[], record: SessionRecord): Promise<SessionRecord> {
    let latest = record
    for (const job of jobs) {
      try {
        latest = (await this.#commit([job], latest)) ?? latest
      } catch (error) {
        this.#reject(job, error)
      }
    }
    return latest
  }

  #write(plan: Plan, record: SessionRecord, jobs: readonly Job[], now: number, deadline: number) {
    if (plan.isEmpty) {
      const conditions = { expectedVersion: record.version }
      return this.#guard.call('delete', (store) => store.delete(record.id, conditions), deadline)
    }
    const isLogin = jobs.some((job) => job.change.rotation === 'login')
    const limit = isLogin ? this.#options.limit : undefined
    return this.#guard.call(
      'save',
      (store) => store.save(plan.record, record.version, now, limit),
      deadline,
    )
  }

  #succeed(jobs: readonly Job[], plan: Plan, before: SessionRecord): SessionRecord | null {
    const { newToken, replayed } = plan
    if (plan.isEmpty) {
      for (const job of jobs) this.#resolve(job, { type: 'emptied' })
      return null
    }
    const record = { ...plan.record, version: before.version + 1 }
    for (const job of jobs) this.#resolve(job, { type: 'saved', record, newToken, replayed })
    return record
  }

  /** Ends the jobs whose token the record no longer admits, and returns the others. */
  async #stillAdmitted(jobs: readonly Job[], record: SessionRecord, now: number): Promise<Job[]> {
    const open: Job[] = []
    const ended: Job[] = []
    for (const job of jobs) {
      if (job.settled) continue
      const { change } = job
      const present =
        record === change.base
          ? change.admission
          : admit(record, change.token, this.#options.hasher, now)
      const admitted = present === 'current' || present === 'previous'
      const loginStands = change.rotation !== 'login' || isSameSecret(change, record, present)
      ;(admitted && loginStands ? open : ended).push(job)
    }
    await this.#end(ended, 'no-longer-admitted')
    return open
  }

  /** The session is over for these jobs: their changes are dropped, except that no login is lost. */
  async #end(jobs: readonly Job[], reason: DropReason): Promise<void> {
    for (const job of jobs) {
      const { draft, rotation, request, deadline } = job.change
      if (rotation !== 'login') {
        this.#resolve(job, { type: 'dropped', reason })
        continue
      }
      try {
        const made = await createRecord(draft, request, this.#options, this.#guard, deadline)
        this.#resolve(job, { type: 'created', ...made })
      } catch (error) {
        this.#reject(job, error)
      }
    }
  }

  /**
   * The record to store: the draft of a lone job on the record it knew, else all operations again.
   * `null` if no job is left; `'separately'` if the jobs together break a rule that one may keep.
   */
  #plan(
    jobs: readonly Job[],
    record: SessionRecord,
    now: number,
  ): Plan | 'separately' | 'unreadable' | 'newer' | null {
    const [first, ...others] = jobs
    if (first === undefined) return null
    const { change } = first
    if (others.length === 0 && record === change.base) {
      const next = nextRecord(record, change.draft, change, this.#options, now)
      return { ...next, isEmpty: change.draft.isEmpty && !change.keepsEmpty, replayed: false }
    }
    const state = this.#replay(jobs, record)
    if (typeof state === 'string') return state
    if (state === null) {
      const open = jobs.filter((job) => !job.settled)
      return this.#plan(open, record, now)
    }
    try {
      const present = admit(record, change.token, this.#options.hasher, now)
      // A rotation is never done over another one.
      const rotation = isSameSecret(change, record, present) ? change.rotation : 'none'
      const facts = { ...change, admission: present, rotation }
      const rotated = rotatedState(state, rotation, this.#options)
      const isUntouched = jobs.every((job) => job.change.operations.length === 0)
      const draft = isUntouched
        ? draftOf(rotated, this.#options)
        : makeDraft(rotated, this.#options, record.data)
      const isEmpty = draft.isEmpty && !jobs.some((job) => job.change.keepsEmpty)
      return { ...nextRecord(record, draft, facts, this.#options, now), isEmpty, replayed: true }
    } catch (error) {
      if (others.length > 0) return 'separately'
      this.#reject(first, error)
      return null
    }
  }

  /** Does the operations of all jobs on a record; `null` if one threw: then that job is rejected. */
  #replay(
    jobs: readonly Job[],
    record: SessionRecord,
  ): SessionState | 'unreadable' | 'newer' | null {
    const payload = decodePayload(record.data, this.#options.serializer)
    if (typeof payload === 'string') return payload
    const { persistent, principal } = record
    const state: SessionState = { payload, persistent, principal }
    for (const job of jobs) {
      try {
        for (const operation of frozen(job.change, this.#options)) applyOperation(state, operation)
      } catch (error) {
        this.#reject(job, error)
        return null
      }
    }
    return state
  }

  #resolve(job: Job, result: ChangeResult): void {
    this.#settle(job)
    job.resolve(result)
  }

  #reject(job: Job, error: unknown): void {
    this.#settle(job)
    job.reject(error)
  }

  #settle(job: Job): void {
    job.settled = true
    clearTimeout(job.expiry)
  }
}

/**
 * The operations with values of their own: a handler may go on changing an object that it has set,
 * and what it does after the commit began does not belong to it.
 */
function frozen(change: Change, { serializer }: ResolvedOptions): readonly Operation[] {
  const { operations, draft } = change
  const isObject = (operation: Operation) =>
    operation.type === 'set' && typeof operation.value === 'object' && operation.value !== null
  if (!operations.some(isObject)) return operations
  const committed = decodePayload(draft.data, serializer)
  const changedLater = new Set<string>()
  return operations
    .toReversed()
    .map((operation) => {
      if (!('key' in operation)) return operation
      const { key } = operation
      const isLast = !changedLater.has(key)
      changedLater.add(key)
      if (operation.type !== 'set' || !isObject(operation)) return operation
      const knowsIt = isLast && typeof committed !== 'string' && committed.data.has(key)
      const value = knowsIt ? committed.data.get(key) : operation.value
      return { ...operation, value: copyValue(value, key) }
    })
    .toReversed()
}

/** Whether the session still has the secret that it had when the change was made. */
function isSameSecret(change: Change, record: SessionRecord, present: Admission): boolean {
  // Of the current secret its hash may have been made anew, with another pepper.
  return (
    present === change.admission &&
    (present === 'current' || record.secretHash === change.base.secretHash)
  )
}

/** A login or a rotation goes alone, since it changes who is admitted; plain changes go together. */
function nextBatch(waiting: Job[]): Job[] {
  let count = 0
  while (count < waiting.length && count < LARGEST_BATCH) {
    const job = waiting[count] as Job
    if (!job.settled && job.change.rotation !== 'none') break
    count++
  }
  const batch = waiting.splice(0, Math.max(count, 1))
  const open = batch.filter((job) => !job.settled)
  return open.length === 0 && waiting.length > 0 ? nextBatch(waiting) : open
}

function newestBase(jobs: readonly Job[]): SessionRecord {
  const bases = jobs.map((job) => job.change.base)
  return bases.reduce((newest, base) => (base.version > newest.version ? base : newest))
}

/** Waits a little, longer each time, so that processes that collide drift apart. */
function pause(attempt: number): Promise<void> {
  if (attempt === 1) return Promise.resolve()
  const longest = Math.min(2 ** attempt, 50)
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest))
}

// Promise.withResolvers is newer than the language level of this package (ES2023).
function promiseWithResolvers<T>(): PromiseWithResolvers<T> {
  let [resolve, reject] = [undefined, undefined] as unknown as [
    PromiseWithResolvers<T>['resolve'],
    PromiseWithResolvers<T>['reject'],
  ]
  const promise = new Promise<T>((res, rej) => {
    resolve = res
    reject = rej
  })
  return { promise, resolve, reject }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}
