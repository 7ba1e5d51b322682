/** Something that has to be over at a certain time, on the clock of `performance.now()`. */
export interface Watched {
  readonly deadline: number
  /** Called once, unless it is forgotten before. */
  onLate(): void
}

const CHECKS_PER_TIMEOUT = 50
const MOST_OFTEN_MS = 5

/**
 * Watches many deadlines with one timer: one for each would cost more than what it guards. It notices
 * them a fiftieth of the timeout late, and keeps no process alive.
 */
export class Deadlines {
  readonly #timeoutMs: number
  readonly #watched = new Set<Watched>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** The deadline of what begins now. */
  next(): number {
    return performance.now() + this.#timeoutMs
  }

  watch(watched: Watched): void {
    this.#watched.add(watched)
    if (this.#timer !== undefined) return
    const interval = Math.max(MOST_OFTEN_MS, this.#timeoutMs / CHECKS_PER_TIMEOUT)
    this.#timer = setInterval(() => this.#check(), interval).unref()
  }

  forget(watched: Watched): void {
    this.#watched.delete(watched)
  }

  /** Settles like a promise, or by `tooLate` if that takes longer than until the deadline. */
  inTime<T, Late>(pending: Promise<T>, deadline: number, tooLate: () => Late): Promise<T | Late> {
    return new Promise((resolve, reject) => {
      const watched: Watched = {
        deadline,
        onLate: () => {
          try {
            resolve(tooLate())
          } catch (error) {
            reject(error)
          }
        },
      }
      this.watch(watched)
      pending.then(
        (value) => {
          this.forget(watched)
          resolve(value)
        },
        (error: unknown) => {
          this.forget(watched)
          reject(error)
        },
      )
    })
  }

  #check(): void {
    if (this.#watched.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const now = performance.now()
    for (const watched of this.#watched) {
      if (watched.deadline > now) continue
      this.#watched.delete(watched)
      watched.onLate()
    }
  }
}
