import { SessionError, StoreUnavailableError } from './errors.ts'
import type { EventEmitter } from './events.ts'
import type { MaybePromise, RecordPage, Store } from './store.ts'

type Verb = Exclude<keyof Store, 'loadsSynchronously' | 'close'>

const oneOf =
  (...outcomes: readonly unknown[]) =>
  (outcome: unknown) =>
    outcomes.includes(outcome)
const isCount = (outcome: unknown) => Number.isSafeInteger(outcome) && (outcome as number) >= 0
const isPage = (outcome: unknown) => Array.isArray((outcome as RecordPage | null)?.records)

/** What each verb may answer: anything else must not pass for "nothing there" or "not done". */
const ANSWERS: Readonly<Record<Verb, (outcome: unknown) => boolean>> = {
  create: oneOf('created', 'taken', 'limit'),
  load: Array.isArray,
  save: oneOf('saved', 'conflict', 'gone', 'limit'),
  touch: oneOf(true, false),
  delete: oneOf('deleted', 'conflict', 'gone'),
  sweep: isCount,
  list: isPage,
  scan: isPage,
  deleteAll: isCount,
}

/** Calls a store so that it answers in time, and so that whatever it throws is a typed error. */
export class StoreGuard {
  readonly store: Store
  readonly #timeout: number
  readonly #events: EventEmitter

  /** @param timeout milliseconds */
  constructor(store: Store, timeout: number, events: EventEmitter) {
    this.store = store
    this.#timeout = timeout
    this.#events = events
  }

  /** When a piece of work that begins now has to be done, on the clock of `performance.now()`. */
  deadline(): number {
    return performance.now() + this.#timeout
  }

  /** Returns a value where the store does, and a promise otherwise. */
  call<T>(
    verb: Verb,
    run: (store: Store) => MaybePromise<T>,
    deadline = this.deadline(),
  ): MaybePromise<T> {
    try {
      const result = run(this.store)
      if (isThenable(result)) return this.#inTime(verb, result, deadline)
      return checked(verb, result)
    } catch (error) {
      throw this.#typed(verb, error)
    }
  }

  async #inTime<T>(verb: Verb, pending: PromiseLike<T>, deadline: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new StoreUnavailableError(`The store did not ${verb} in time.`)),
        Math.max(0, deadline - performance.now()),
      )
    })
    try {
      return checked(verb, await Promise.race([pending, late]))
    } catch (error) {
      throw this.#typed(verb, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #typed(verb: Verb, error: unknown): SessionError {
    const typed =
      error instanceof SessionError
        ? error
        : new StoreUnavailableError(`The store failed to ${verb}.`, { cause: error })
    this.#events.emit({ type: 'store-error', verb, error: typed })
    return typed
  }
}

// Not by instanceof: clients bring promises of their own, or of another realm.
function isThenable<T>(result: MaybePromise<T>): result is Promise<T> {
  return typeof (result as Promise<T> | null | undefined)?.then === 'function'
}

function checked<T>(verb: Verb, outcome: T): T {
  if (ANSWERS[verb](outcome)) return outcome
  throw new StoreUnavailableError(
    `The store answered ${verb} with what its contract does not know.`,
  )
}
