import { SessionOptionsError, shown } from './errors.ts'

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

type Unit = keyof typeof MILLISECONDS

/**
 * A span of time with its unit: `'30m'`, `'500ms'`, `'1.5h'`, or `{ minutes: 30 }`, whose parts add
 * up. Never a bare number, which would leave the reader guessing the unit.
 */
export type Duration = `${number}${Unit}` | DurationParts

export interface DurationParts {
  readonly milliseconds?: number
  readonly seconds?: number
  readonly minutes?: number
  readonly hours?: number
  readonly days?: number
  readonly weeks?: number
}

const PARTS: Readonly<Record<keyof DurationParts, Unit>> = {
  milliseconds: 'ms',
  seconds: 's',
  minutes: 'm',
  hours: 'h',
  days: 'd',
  weeks: 'w',
}

// A hundred years: enough for any session, and every sum with the present stays a safe integer.
const LONGEST = 100 * 366 * MILLISECONDS.d

/**
 * A duration in whole milliseconds, at least 1.
 *
 * @param name how the message calls the value, for example `idleTimeout`
 * @throws SessionOptionsError if it is no duration, not positive or above a hundred years
 */
export function toMilliseconds(duration: Duration, name = 'duration'): number {
  const milliseconds = Math.round(
    typeof duration === 'string' ? fromText(duration) : fromParts(duration),
  )
  if (!(milliseconds >= 1 && milliseconds <= LONGEST)) {
    const given = typeof duration === 'number' ? `the bare number ${duration}` : shown(duration)
    throw new SessionOptionsError(
      `${name}: ${given} is not a duration. Give a text such as '30m' (units: ms, s, m, h, d, w) ` +
        'or an object such as { minutes: 30 }; more than zero, at most 100 years.',
    )
  }
  return milliseconds
}

function fromText(text: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d|w)$/.exec(text)
  return match === null ? Number.NaN : Number(match[1]) * MILLISECONDS[match[2] as Unit]
}

function fromParts(parts: unknown): number {
  if (typeof parts !== 'object' || parts === null) return Number.NaN
  let sum = 0
  for (const [part, count] of Object.entries(parts)) {
    if (!Object.hasOwn(PARTS, part) || typeof count !== 'number' || !(count >= 0)) return Number.NaN
    sum += count * MILLISECONDS[PARTS[part as keyof DurationParts]]
  }
  return sum
}
