import type { Session } from '../core/session.ts'
import type { SavedSession, SessionInterface, SessionRequest } from '../core/session-interface.ts'
import { headersAfterFailure, isSecure } from './request-facts.ts'

/** What a session interface asks about a Web request, and how far its commit has come. */
export class FetchVisit implements SessionRequest {
  accessed = false
  headersSent = false
  /** It has been tried: what failed once is not waited for again. */
  committed = false
  readonly onAccess = (): void => {
    this.accessed = true
  }
  readonly #request: Request
  readonly #clientAddress: () => string | undefined

  constructor(request: Request, clientAddress: () => string | undefined) {
    this.#request = request
    this.#clientAddress = clientAddress
  }

  get cookie(): string | null {
    return this.#request.headers.get('cookie')
  }

  get ip(): string | undefined {
    return this.#clientAddress()
  }

  get userAgent(): string | undefined {
    return this.#request.headers.get('user-agent') ?? undefined
  }

  get secure(): boolean {
    const { headers, url } = this.#request
    return isSecure(
      url.startsWith('https:'),
      headers.get('x-forwarded-proto'),
      headers.get('forwarded'),
    )
  }
}

export async function commit<T extends object>(
  sessions: SessionInterface<T>,
  session: Session<T>,
  visit: FetchVisit,
  { status, headers }: Pick<Response, 'status' | 'headers'>,
): Promise<SavedSession> {
  visit.committed = true
  return await sessions.save(session, {
    status,
    cacheControl: headers.get('cache-control'),
    vary: headers.get('vary'),
  })
}

/** After an error changes are dropped, whatever the status of its response; a `destroy()` is done. */
export async function commitFailure<T extends object>(
  sessions: SessionInterface<T>,
  session: Session<T>,
  visit: FetchVisit,
  response: Response | null,
): Promise<SavedSession> {
  if (!visit.accessed) return { headers: [] }
  if (visit.committed) return { headers: headersAfterFailure(sessions, session) }
  const headers = response?.headers ?? new Headers()
  // Should this fail too, then the error that is being answered came first.
  return commit(sessions, session, visit, { status: 500, headers }).catch(() => ({ headers: [] }))
}

/** @returns the same response, or a copy where its headers are immutable */
export function withHeaders(response: Response, { headers }: SavedSession): Response {
  if (headers.length === 0) return response
  try {
    return addHeaders(response, headers)
  } catch {
    // The headers of a redirect, or of a response that came from fetch(), are immutable.
    return addHeaders(new Response(response.body, response), headers)
  }
}

function addHeaders(response: Response, headers: SavedSession['headers']): Response {
  for (const [name, value] of headers) {
    if (name.toLowerCase() === 'set-cookie') response.headers.append(name, value)
    else response.headers.set(name, value)
  }
  return response
}
