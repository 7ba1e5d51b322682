import type { SessionError } from './errors.ts'

/** Why a token that looked right was not accepted. */
export type RejectReason =
  | 'unknown-id'
  | 'wrong-secret'
  /** Its stored hash was made with a pepper that is not configured, or without one. */
  | 'unusable-hash'

/** Why changes of a request were not stored. */
export type DropReason =
  /** The session has ended since the request began. */
  | 'gone'
  /** The session was logged in or rotated since the request began. */
  | 'no-longer-admitted'
  /** The request came with a token that a login or a rotation had replaced. */
  | 'superseded'
  /** The stored payload has a newer format than this version of sessile can read. */
  | 'newer-format'
  /** The response had the status 500 or above. */
  | 'failed-response'

/**
 * What happened, for logs and counters. Never holds a token, a secret or session data: keys and the
 * public session id are all it tells.
 */
export type SessionEvent =
  | { readonly type: 'created'; readonly id: string; readonly principal: string | null }
  | { readonly type: 'saved'; readonly id: string }
  | { readonly type: 'login'; readonly id: string; readonly principal: string }
  | { readonly type: 'rotated'; readonly id: string; readonly timed: boolean }
  | { readonly type: 'destroyed'; readonly id: string }
  | { readonly type: 'revoked'; readonly id: string }
  | { readonly type: 'revoked-all'; readonly principal: string; readonly count: number }
  /** A save met a newer version and was applied again. */
  | { readonly type: 'conflict'; readonly id: string; readonly attempt: number }
  | { readonly type: 'dropped'; readonly id: string | null; readonly reason: DropReason }
  | { readonly type: 'rejected'; readonly id: string; readonly reason: RejectReason }
  /** A token that a login or a rotation replaced less than a minute ago. */
  | { readonly type: 'superseded'; readonly id: string }
  /** A token that was replaced long ago: somebody kept a copy. */
  | { readonly type: 'replayed'; readonly id: string }
  | { readonly type: 'duplicate-cookies'; readonly id: string; readonly count: number }
  | { readonly type: 'unreadable'; readonly id: string; readonly newerFormat: boolean }
  | { readonly type: 'schema-mismatch'; readonly id: string; readonly path: string }
  /** Changed after the headers had left, and never saved. */
  | { readonly type: 'late-change'; readonly id: string | null; readonly keys: readonly string[] }
  | { readonly type: 'swept'; readonly count: number; readonly durationMs: number }
  | { readonly type: 'store-error'; readonly verb: string; readonly error: SessionError }
  | { readonly type: 'insecure-transport'; readonly message: string }
  | { readonly type: 'cache-control-replaced'; readonly message: string }

/** Those that the log should show when the app listens to none. */
const WARNINGS: Partial<Record<SessionEvent['type'], (event: never) => string>> = {
  'insecure-transport': (event: { message: string }) => event.message,
  'cache-control-replaced': (event: { message: string }) => event.message,
  unreadable: (event: { id: string }) =>
    `the stored payload of session ${event.id} cannot be read; the visitor is anonymous and the row ` +
    'is left as it is',
  'late-change': (event: { keys: readonly string[] }) =>
    `session keys changed after the response had been sent and were not stored: ` +
    `${JSON.stringify(event.keys)}. Change them earlier, or call await session.save()`,
  'store-error': (event: { verb: string; error: Error }) =>
    `the store failed to ${event.verb}: ${event.error.message}`,
}

/** At most one line a minute for each type: a log that floods is not read. */
const LOG_INTERVAL = 60_000

/** Passes events on, to the app's listener or as warnings to the log. A listener cannot break a request. */
export class EventEmitter {
  readonly #listener: ((event: SessionEvent) => void) | undefined
  readonly #loggedAt = new Map<string, number>()

  constructor(listener: ((event: SessionEvent) => void) | undefined) {
    this.#listener = listener
  }

  emit(event: SessionEvent): void {
    if (this.#listener === undefined) {
      this.#log(event)
      return
    }
    try {
      const result: unknown = this.#listener(event)
      // An async function passes for a listener; its rejection would end the process.
      if (result instanceof Promise) result.catch(reportListener)
    } catch (error) {
      reportListener(error)
    }
  }

  #log(event: SessionEvent): void {
    const describe = WARNINGS[event.type]
    if (describe === undefined) return
    const now = performance.now()
    const before = this.#loggedAt.get(event.type)
    if (before !== undefined && now - before < LOG_INTERVAL) return
    this.#loggedAt.set(event.type, now)
    // biome-ignore lint/suspicious/noConsole: the log of an app that listens to nothing
    console.warn(`sessile: ${describe(event as never)}`)
  }
}

function reportListener(error: unknown): void {
  // biome-ignore lint/suspicious/noConsole: the listener is the app's log; there is no other
  console.error('sessile: onEvent threw:', error)
}

const REMEMBERED = 1000
const REPEAT_INTERVAL = 60_000

/** Lets one event per subject and minute through, and remembers a bounded number of subjects. */
export class RateLimiter {
  readonly #lastAt = new Map<string, number>()

  /** @param subject what the event is about, for example a session id */
  allows(subject: string, now: number): boolean {
    const before = this.#lastAt.get(subject)
    if (before !== undefined && Math.abs(now - before) < REPEAT_INTERVAL) return false
    this.#lastAt.delete(subject)
    if (this.#lastAt.size === REMEMBERED) {
      this.#lastAt.delete(this.#lastAt.keys().next().value as string)
    }
    this.#lastAt.set(subject, now)
    return true
  }
}
