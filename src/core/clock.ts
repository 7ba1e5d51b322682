/** Tells the present. Injected everywhere, so that tests move time instead of waiting for it. */
export interface Clock {
  /** The present, in integer epoch milliseconds. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
