import type { ResolvedOptions } from './options.ts'
import type { SavedSession, SessionResponse } from './session-interface.ts'
import { formatToken } from './session-token.ts'
import type { Visit } from './visit.ts'

type Header = readonly [name: string, value: string]

const NO_HEADERS: SavedSession = { headers: [] }
const UNCACHED = /(?:^|,)\s*(?:no-store|private)\s*(?:,|$)/i
const VARIES_BY_COOKIE = /(?:^|,)\s*(?:cookie|\*)\s*(?:,|$)/i

/** The headers that a visit's use of its session asks for, and the warnings that go with them. */
export class ResponseHeaders {
  readonly #options: ResolvedOptions
  readonly #warned = new Set<string>()

  constructor(options: ResolvedOptions) {
    this.#options = options
  }

  of(visit: Visit, response: SessionResponse): SavedSession {
    if (!visit.accessed) return NO_HEADERS
    const headers: Header[] = []
    const setCookie = this.#setCookie(visit)
    if (setCookie !== null) headers.push(['Set-Cookie', setCookie])
    if (!VARIES_BY_COOKIE.test(response.vary ?? '')) {
      headers.push(['Vary', response.vary ? `${response.vary}, Cookie` : 'Cookie'])
    }
    if (!response.cacheControl) {
      headers.push(['Cache-Control', 'private'])
    } else if (setCookie !== null && !UNCACHED.test(response.cacheControl)) {
      headers.push(['Cache-Control', 'no-store'])
      this.#warn(
        'cache-control-replaced',
        `A response that sets the session cookie had Cache-Control: ${response.cacheControl}; a ` +
          'shared cache could have given the cookie to others, so no-store was sent. Do not cache ' +
          'responses that log in, log out or begin a session.',
      )
    }
    return { headers }
  }

  #setCookie({ cookie: change, request }: Visit): string | null {
    if (change === null) return null
    const { cookie, clock } = this.#options
    if (cookie.secure && request.secure === false) {
      this.#warn(
        'insecure-transport',
        `The Secure cookie ${cookie.name} was sent over plain HTTP: browsers will not keep it, except ` +
          'on localhost (Safari not even there). Serve HTTPS; behind a proxy that does, have it send ' +
          'X-Forwarded-Proto; for development over HTTP set cookie: { secure: false }.',
      )
    }
    if (change.type === 'expire') return cookie.expire()
    const { record, token } = change
    const timeLeft = Math.max(0, record.absoluteExpiresAt - clock.now())
    return cookie.write(formatToken(token), record.persistent ? Math.floor(timeLeft / 1000) : null)
  }

  #warn(type: 'cache-control-replaced' | 'insecure-transport', message: string): void {
    if (this.#warned.has(type)) return
    this.#warned.add(type)
    this.#options.events.emit({ type, message })
  }
}
