import { SessionError, StoreUnavailableError } from './errors.ts'
import type { EventEmitter } from './events.ts'
import type { MaybePromise, Store } from './store.ts'

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
    verb: string,
    run: (store: Store) => MaybePromise<T>,
    deadline = this.deadline(),
  ): MaybePromise<T> {
    try {
      const result = run(this.store)
      if (!(result instanceof Promise)) return result
      return this.#inTime(verb, result, deadline)
    } catch (error) {
      throw this.#typed(verb, error)
    }
  }

  async #inTime<T>(verb: string, pending: Promise<T>, deadline: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new StoreUnavailableError(`The store did not ${verb} in time.`)),
        Math.max(0, deadline - performance.now()),
      )
    })
    try {
      return await Promise.race([pending, late])
    } catch (error) {
      throw this.#typed(verb, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #typed(verb: string, error: unknown): SessionError {
    const typed =
      error instanceof SessionError
        ? error
        : new StoreUnavailableError(`The store failed to ${verb}.`, { cause: error })
    this.#events.emit({ type: 'store-error', verb, error: typed })
    return typed
  }
}
