import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { SessionOptionsError } from './errors.ts'
import type { SessionEvent } from './events.ts'
import { EventEmitter } from './events.ts'
import type { StandardSchema } from './schema.ts'
import type { Serializer } from './serializer.ts'
import { jsonSerializer } from './serializer.ts'
import type { Session } from './session.ts'
import type { CookieOptions } from './session-cookie.ts'
import { SessionCookie } from './session-cookie.ts'
import type { Pepper } from './session-token.ts'
import { SecretHasher } from './session-token.ts'
import type { PrincipalLimit, Store } from './store.ts'
import type { Duration } from './timeouts.ts'
import { toMilliseconds } from './timeouts.ts'

/** Options of `createSessions`. Only `store` is needed. */
export interface SessionsOptions<T extends object> {
  /** Where the records are kept. */
  readonly store: Store
  /** A session ends after so long without use. Default 10 minutes. May depend on the session. */
  readonly idleTimeout?: Duration | ((session: IdleTimeoutFacts) => Duration)
  /** The idle timeout of sessions with `permanent = true`. Default 31 days. */
  readonly permanentTimeout?: Duration
  /** A session ends so long after it was created or last logged in, no matter what. Default 31 days. */
  readonly absoluteTimeout?: Duration
  readonly cookie?: CookieOptions
  /** How payloads become text or bytes. Default: JSON, and `devalue` for what JSON cannot carry. */
  readonly serializer?: Serializer
  /**
   * A server-side key mixed into the stored hashes of secrets; a list has the newest first. Older
   * ones, and rows from before there was one, stay accepted. Default none.
   */
  readonly pepper?: Pepper | readonly Pepper[]
  /** Refuse rows whose hash was made without a pepper. Default false. */
  readonly pepperOnly?: boolean
  /** Checked on the whole data before it is stored. Any Standard Schema; it must be synchronous. */
  readonly schema?: StandardSchema<T>
  /** Refuses a save that makes the payload larger than this. Default 65,536 bytes. */
  readonly maxDataBytes?: number
  /** How many live sessions one principal may have. A number means `'evict-oldest'`. Default any. */
  readonly maxPerPrincipal?: number | PrincipalLimit
  /** Gives a session in use a new secret so often. Default never (login always does). */
  readonly rotateAfter?: Duration
  /**
   * When a store that cannot answer synchronously is asked: `'eager'` (default) before the handler
   * runs, `'lazy'` when the handler awaits `session.load()`.
   */
  readonly load?: 'eager' | 'lazy'
  /** A store that has not answered after this is treated as down. Default 5 seconds. */
  readonly storeTimeout?: Duration
  /**
   * `'error'` (default): a request that needs its session fails with 503. `'anonymous'`: it gets an
   * anonymous session that cannot be written.
   */
  readonly onStoreUnavailable?: 'error' | 'anonymous'
  /** How often expired records are deleted. Default 5 minutes; `false` leaves it to you. */
  readonly sweepInterval?: Duration | false
  /** Told of everything noteworthy. Default: warnings go to the console. */
  readonly onEvent?: (event: SessionEvent) => void
  /** Default: the system's. */
  readonly clock?: Clock
}

/** What an idle timeout may depend on. */
export type IdleTimeoutFacts = Pick<Session<object>, 'principal' | 'permanent' | 'id' | 'createdAt'>

/** The options, checked once and in the form that requests need. */
export interface ResolvedOptions {
  readonly store: Store
  readonly idleTimeout: (facts: IdleTimeoutFacts) => number
  readonly absoluteTimeout: number
  readonly cookie: SessionCookie
  readonly serializer: Serializer
  readonly hasher: SecretHasher
  readonly schema: StandardSchema<object> | undefined
  readonly maxDataBytes: number
  readonly limit: PrincipalLimit | undefined
  readonly rotateAfter: number | null
  readonly lazy: boolean
  readonly storeTimeout: number
  readonly anonymousWhenDown: boolean
  readonly sweepInterval: number | null
  readonly events: EventEmitter
  readonly clock: Clock
}

const NAMES = new Set<string>([
  'store',
  'idleTimeout',
  'permanentTimeout',
  'absoluteTimeout',
  'cookie',
  'serializer',
  'pepper',
  'pepperOnly',
  'schema',
  'maxDataBytes',
  'maxPerPrincipal',
  'rotateAfter',
  'load',
  'storeTimeout',
  'onStoreUnavailable',
  'sweepInterval',
  'onEvent',
  'clock',
] satisfies (keyof SessionsOptions<object>)[])

/** @throws SessionOptionsError that names the option, what was given and what is allowed */
export function resolveOptions<T extends object>(options: SessionsOptions<T>): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) {
      refuse(name, `there is no such option. Known are: ${[...NAMES].join(', ')}.`)
    }
  }
  const absoluteTimeout = toMilliseconds(options.absoluteTimeout ?? '31d', 'absoluteTimeout')
  const { load = 'eager', onStoreUnavailable = 'error', sweepInterval = '5m' } = options
  oneOf('load', load, ['eager', 'lazy'])
  oneOf('onStoreUnavailable', onStoreUnavailable, ['error', 'anonymous'])
  const maxDataBytes = options.maxDataBytes ?? 65_536
  if (!Number.isSafeInteger(maxDataBytes) || maxDataBytes < 1) {
    refuse('maxDataBytes', `${maxDataBytes} is not a whole number of bytes above zero.`)
  }
  return {
    store: checkStore(options.store),
    idleTimeout: resolveIdleTimeout(options, absoluteTimeout),
    absoluteTimeout,
    cookie: new SessionCookie(options.cookie),
    serializer: options.serializer ?? jsonSerializer,
    hasher: resolveHasher(options),
    schema: options.schema as StandardSchema<object> | undefined,
    maxDataBytes,
    limit: resolveLimit(options.maxPerPrincipal),
    rotateAfter:
      options.rotateAfter === undefined ? null : toMilliseconds(options.rotateAfter, 'rotateAfter'),
    lazy: load === 'lazy',
    storeTimeout: toMilliseconds(options.storeTimeout ?? '5s', 'storeTimeout'),
    anonymousWhenDown: onStoreUnavailable === 'anonymous',
    sweepInterval: sweepInterval === false ? null : toMilliseconds(sweepInterval, 'sweepInterval'),
    events: new EventEmitter(options.onEvent),
    clock: options.clock ?? systemClock,
  }
}

function resolveIdleTimeout<T extends object>(
  options: SessionsOptions<T>,
  absoluteTimeout: number,
): ResolvedOptions['idleTimeout'] {
  const given = options.idleTimeout ?? '10m'
  const permanentTimeout = toMilliseconds(
    options.permanentTimeout ?? { milliseconds: Math.min(31 * 86_400_000, absoluteTimeout) },
    'permanentTimeout',
  )
  if (permanentTimeout > absoluteTimeout) {
    refuse('permanentTimeout', 'it is longer than absoluteTimeout, which ends the session before.')
  }
  if (typeof given === 'function') {
    return (facts) => toMilliseconds(given(facts), 'the result of idleTimeout')
  }
  const idleTimeout = toMilliseconds(given, 'idleTimeout')
  return (facts) => (facts.permanent ? permanentTimeout : idleTimeout)
}

function resolveHasher<T extends object>(options: SessionsOptions<T>): SecretHasher {
  const { pepper = [], pepperOnly = false } = options
  const peppers = typeof pepper === 'string' || pepper instanceof Uint8Array ? [pepper] : pepper
  for (const one of peppers) {
    if (!(typeof one === 'string' || one instanceof Uint8Array) || one.length < 16) {
      refuse('pepper', 'each must be a text or bytes, at least 16 long, from a random generator.')
    }
  }
  if (pepperOnly && peppers.length === 0) {
    refuse('pepperOnly', 'it refuses every session while no pepper is given.')
  }
  return new SecretHasher(peppers, pepperOnly)
}

function resolveLimit(given: number | PrincipalLimit | undefined): PrincipalLimit | undefined {
  if (given === undefined) return undefined
  const limit: PrincipalLimit =
    typeof given === 'number' ? { max: given, onExceed: 'evict-oldest' } : given
  if (!Number.isSafeInteger(limit.max) || limit.max < 1) {
    refuse('maxPerPrincipal', `max is ${limit.max}; it must be a whole number from 1.`)
  }
  oneOf('maxPerPrincipal.onExceed', limit.onExceed, ['evict-oldest', 'reject'])
  return limit
}

const VERBS = [
  'create',
  'load',
  'save',
  'touch',
  'delete',
  'sweep',
  'list',
  'scan',
  'deleteAll',
  'close',
] as const satisfies (keyof Store)[]

function checkStore(store: Store | undefined): Store {
  const lacking = VERBS.find((verb) => typeof store?.[verb] !== 'function')
  if (store === undefined || store === null || lacking !== undefined) {
    throw new SessionOptionsError(
      `store: ${store ? `it has no ${lacking}().` : 'none is given.'} Pass one, for example ` +
        "sqliteStore('sessions.db') from 'sessile/sqlite'.",
    )
  }
  return store
}

function oneOf(name: string, given: unknown, allowed: readonly string[]): void {
  if (typeof given !== 'string' || !allowed.includes(given)) {
    refuse(name, `${JSON.stringify(given)} is given; allowed are ${allowed.join(', ')}.`)
  }
}

function refuse(name: string, reason: string): never {
  throw new SessionOptionsError(`${name}: ${reason}`)
}
