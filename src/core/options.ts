import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { SessionOptionsError, shown } from './errors.ts'
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

/** The longest that a timer of Node can wait; it fires at once when it is to wait longer. */
const LONGEST_TIMER = 2 ** 31 - 1

/** @throws SessionOptionsError that names the option, what was given and what is allowed */
export function resolveOptions<T extends object>(options: SessionsOptions<T>): ResolvedOptions {
  checkNames(options)
  const { serializer = jsonSerializer, schema, onEvent, clock = systemClock } = options
  const { load = 'eager', onStoreUnavailable = 'error', maxDataBytes = 65_536 } = options
  oneOf('load', load, ['eager', 'lazy'])
  oneOf('onStoreUnavailable', onStoreUnavailable, ['error', 'anonymous'])
  checkMethods('serializer', serializer, ['stringify', 'parse'])
  checkMethods('clock', clock, ['now'])
  if (schema !== undefined) checkMethods('schema', schema?.['~standard'], ['validate'])
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    refuse('onEvent', `${shown(onEvent)} is given; it must be a function.`)
  }
  if (!Number.isSafeInteger(maxDataBytes) || maxDataBytes < 1) {
    refuse('maxDataBytes', `${shown(maxDataBytes)} is not a whole number of bytes above zero.`)
  }
  return {
    store: checkStore(options.store),
    ...resolveTimes(options),
    cookie: new SessionCookie(options.cookie),
    serializer,
    hasher: resolveHasher(options),
    schema: schema as StandardSchema<object> | undefined,
    maxDataBytes,
    limit: resolveLimit(options.maxPerPrincipal),
    lazy: load === 'lazy',
    anonymousWhenDown: onStoreUnavailable === 'anonymous',
    events: new EventEmitter(onEvent),
    clock,
  }
}

function checkNames(options: object): void {
  if (typeof options !== 'object' || options === null) {
    refuse('options', `${shown(options)} is given; pass an object that has at least a store.`)
  }
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) {
      refuse(name, `there is no such option. Known are: ${[...NAMES].join(', ')}.`)
    }
  }
}

type ResolvedTimes = Pick<
  ResolvedOptions,
  'idleTimeout' | 'absoluteTimeout' | 'rotateAfter' | 'storeTimeout' | 'sweepInterval'
>

function resolveTimes<T extends object>(options: SessionsOptions<T>): ResolvedTimes {
  const { absoluteTimeout = '31d', storeTimeout = '5s', sweepInterval = '5m' } = options
  const times = {
    absoluteTimeout: toMilliseconds(absoluteTimeout, 'absoluteTimeout'),
    rotateAfter:
      options.rotateAfter === undefined ? null : toMilliseconds(options.rotateAfter, 'rotateAfter'),
    storeTimeout: toMilliseconds(storeTimeout, 'storeTimeout'),
    sweepInterval: sweepInterval === false ? null : toMilliseconds(sweepInterval, 'sweepInterval'),
  }
  if (times.storeTimeout > LONGEST_TIMER) {
    refuse('storeTimeout', `${shown(storeTimeout)} is longer than the 24 days of a timer.`)
  }
  return { ...times, idleTimeout: resolveIdleTimeout(options, times.absoluteTimeout) }
}

function resolveIdleTimeout<T extends object>(
  options: SessionsOptions<T>,
  absoluteTimeout: number,
): ResolvedOptions['idleTimeout'] {
  const longest = { milliseconds: Math.min(31 * 86_400_000, absoluteTimeout) }
  const { idleTimeout = '10m', permanentTimeout = longest } = options
  const whenPermanent = toMilliseconds(permanentTimeout, 'permanentTimeout')
  if (whenPermanent > absoluteTimeout) {
    refuse('permanentTimeout', 'it is longer than absoluteTimeout, which ends the session before.')
  }
  if (typeof idleTimeout === 'function') {
    return (facts) => toMilliseconds(idleTimeout(facts), 'the result of idleTimeout')
  }
  const otherwise = toMilliseconds(idleTimeout, 'idleTimeout')
  return (facts) => (facts.permanent ? whenPermanent : otherwise)
}

function resolveHasher<T extends object>(options: SessionsOptions<T>): SecretHasher {
  const { pepper = [], pepperOnly = false } = options
  const peppers: readonly Pepper[] = Array.isArray(pepper) ? pepper : [pepper]
  for (const one of peppers) {
    if (!(typeof one === 'string' || one instanceof Uint8Array) || one.length < 16) {
      refuse('pepper', 'each must be a text or bytes, at least 16 long, from a random generator.')
    }
  }
  if (typeof pepperOnly !== 'boolean') {
    refuse('pepperOnly', `${shown(pepperOnly)} is given; it must be a boolean.`)
  }
  if (pepperOnly && peppers.length === 0) {
    refuse('pepperOnly', 'it refuses every session while no pepper is given.')
  }
  return new SecretHasher(peppers, pepperOnly)
}

function resolveLimit(given: number | PrincipalLimit | undefined): PrincipalLimit | undefined {
  if (given === undefined) return undefined
  const limit: PrincipalLimit =
    typeof given === 'object' && given !== null ? given : { max: given, onExceed: 'evict-oldest' }
  if (!Number.isSafeInteger(limit.max) || limit.max < 1) {
    refuse('maxPerPrincipal', `${shown(limit.max)} is given; it must be a whole number from 1.`)
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
    refuse(
      'store',
      `${store ? `it has no ${lacking}().` : 'none is given.'} Pass one, for example ` +
        "sqliteStore('sessions.db') from 'sessile/sqlite'.",
    )
  }
  return store
}

/** Does not show an object that was given: a serializer or a client may have keys and passwords. */
function checkMethods(name: string, given: unknown, methods: readonly string[]): void {
  const has = given as Partial<Record<string, unknown>> | null | undefined
  const lacking = methods.find((method) => typeof has?.[method] !== 'function')
  if (lacking !== undefined) refuse(name, `it is no ${name}: it has no ${lacking}().`)
}

function oneOf(name: string, given: unknown, allowed: readonly string[]): void {
  if (typeof given !== 'string' || !allowed.includes(given)) {
    refuse(
      name,
      `${shown(given)} is given; allowed are ${allowed.map((one) => shown(one)).join(' and ')}.`,
    )
  }
}

function refuse(name: string, reason: string): never {
  throw new SessionOptionsError(`${name}: ${reason}`)
}
