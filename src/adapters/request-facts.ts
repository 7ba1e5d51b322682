import type { Session } from '../core/session.ts'
import type { SavedSession, SessionInterface } from '../core/session-interface.ts'
import type { MaybePromise } from '../core/store.ts'

type HeaderValue = string | readonly string[] | null | undefined

const HTTPS_IN_FORWARDED = /(?:^|[;,\s])proto="?https/i

/**
 * Whether the browser spoke HTTPS, as far as this server can tell. The headers are believed from
 * anybody, because the answer decides about nothing but a warning.
 */
export function isSecure(
  encrypted: boolean,
  forwardedProto: HeaderValue,
  forwarded: HeaderValue,
): boolean {
  return (
    encrypted ||
    String(forwardedProto ?? '')
      .toLowerCase()
      .includes('https') ||
    HTTPS_IN_FORWARDED.test(String(forwarded ?? ''))
  )
}

/**
 * The headers of an error's answer when the commit itself has failed: a cookie that the handler's own
 * `save()` made still has to arrive. What failed is not waited for again.
 */
export function headersAfterFailure<T extends object>(
  sessions: SessionInterface<T>,
  session: Session<T>,
): SavedSession['headers'] {
  try {
    const saved = sessions.save(session, { status: 500 })
    if (!isPromise(saved)) return saved.headers
    saved.catch(() => {})
  } catch {
    // The error that is being answered came first.
  }
  return []
}

/** `await` costs a turn: what is there already is used at once. */
export function isPromise<V>(value: MaybePromise<V>): value is Promise<V> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
