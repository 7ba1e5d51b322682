import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/timeouts.ts'
import { toMilliseconds } from '../core/timeouts.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves the clock forward: `clock.advance('30m')`. */
  advance(duration: Duration): void
  /** Moves the clock to a moment in epoch milliseconds, which may be in the past. */
  set(epochMs: number): void
}

/** @param start integer epoch milliseconds; default: the beginning of 2026, UTC. */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let present = moment(start)
  return {
    now: () => present,
    advance(duration) {
      present += toMilliseconds(duration)
    },
    set(epochMs) {
      present = moment(epochMs)
    },
  }
}

function moment(epochMs: number): number {
  if (!Number.isSafeInteger(epochMs)) {
    throw new RangeError(`A clock shows integer epoch milliseconds, not ${epochMs}.`)
  }
  return epochMs
}
