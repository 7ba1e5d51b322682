import type { ResolvedOptions } from './options.ts'
import type { StoreGuard } from './store-guard.ts'

const SMALLEST_BATCH = 16
const LARGEST_BATCH = 1024
/** Milliseconds that one batch should take at most: it holds the event loop, or a lock. */
const BATCH_TIME = 5

/** Deletes expired records now and then, in batches small enough that nobody notices. */
export class Sweeper {
  readonly #options: ResolvedOptions
  readonly #guard: StoreGuard
  #batch = SMALLEST_BATCH
  #timer: NodeJS.Timeout | undefined
  #running: Promise<number> | null = null
  #stopped = false
  /** The last run that ended: epoch milliseconds, and how many records it deleted. */
  last: { readonly at: number; readonly count: number } | null = null

  constructor(options: ResolvedOptions, guard: StoreGuard) {
    this.#options = options
    this.#guard = guard
  }

  /** First at a random point of the interval: processes that start together do not sweep together. */
  start(): void {
    const { sweepInterval } = this.#options
    if (sweepInterval !== null) this.#schedule(Math.random() * sweepInterval)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running?.catch(() => {})
  }

  /** Sweeps until nothing is left; a run that is under way is joined. @returns how many went. */
  sweep(): Promise<number> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  #schedule(delay: number): void {
    // setTimeout counts in 32 bits; a longer delay would fire at once.
    this.#timer = setTimeout(() => void this.#runAndReschedule(), Math.min(delay, 2 ** 31 - 1))
    this.#timer.unref()
  }

  async #runAndReschedule(): Promise<void> {
    try {
      await this.sweep()
    } catch {
      // Reported by the guard; the next run tries again.
    }
    const { sweepInterval } = this.#options
    if (!this.#stopped && sweepInterval !== null) {
      this.#schedule(sweepInterval * (0.9 + Math.random() * 0.2))
    }
  }

  async #sweep(): Promise<number> {
    const { clock, events } = this.#options
    const startedAt = performance.now()
    let count = 0
    for (;;) {
      const limit = this.#batch
      const batchStartedAt = performance.now()
      const deleted = await this.#guard.call('sweep', (store) => store.sweep(clock.now(), limit))
      count += deleted
      this.#resize(performance.now() - batchStartedAt)
      if (deleted < limit || this.#stopped) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.last = { at: clock.now(), count }
    const durationMs = Math.round(performance.now() - startedAt)
    events.emit({ type: 'swept', count, durationMs })
    return count
  }

  #resize(took: number): void {
    if (took > BATCH_TIME) this.#batch = Math.max(SMALLEST_BATCH, this.#batch / 2)
    else if (took < BATCH_TIME / 3) this.#batch = Math.min(LARGEST_BATCH, this.#batch * 2)
  }
}
