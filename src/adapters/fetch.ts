import { SessionError } from '../core/errors.ts'
import { attachSession, runWithSession } from '../core/request-context.ts'
import type { Session } from '../core/session.ts'
import type { SessionInterface } from '../core/session-interface.ts'
import { commit, commitFailure, FetchVisit, withHeaders } from './fetch-visit.ts'

export interface FetchOptions<Rest extends unknown[]> {
  /** The peer's address, if the platform tells it. Default none. */
  readonly clientAddress?: (request: Request, ...rest: Rest) => string | undefined
  /**
   * Answers when the handler threw, or the session could not be loaded or stored. Default: an error
   * of sessile with the status 503 or 409 becomes a plain text response with that status, so that a
   * database that is down is not a bug in the log; any other error is thrown.
   */
  readonly onError?: (error: unknown, request: Request) => Response | Promise<Response>
}

/**
 * Makes a Web handler out of one that gets a session. What follows the request, such as the
 * platform's `env`, is passed on.
 *
 * What was changed is stored before the response is returned, and so before the first byte of its
 * body. What a streaming body changes later needs its own `await session.save()`. Nothing is stored
 * with `Response.error()` and with the status 101, which are returned as they are. A handler that
 * throws stores nothing, except that a `destroy()` is final; its expired cookie goes onto the
 * response of `onError`.
 */
export function withSessions<T extends object, Rest extends unknown[]>(
  sessions: SessionInterface<T>,
  handler: (request: Request, session: Session<T>, ...rest: Rest) => Response | Promise<Response>,
  options: FetchOptions<Rest> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  const { clientAddress, onError = answerError } = options
  return async (request, ...rest) => {
    const visit = new FetchVisit(request, () => clientAddress?.(request, ...rest))
    let session: Session<T>
    try {
      session = await sessions.open(visit)
    } catch (error) {
      return onError(error, request)
    }
    attachSession(request, session)

    const respond = async (): Promise<Response> => {
      try {
        const response = await handler(request, session, ...rest)
        if (!visit.accessed || response.status === 0 || response.status === 101) return response
        return withHeaders(response, await commit(sessions, session, visit, response))
      } catch (error) {
        const answer = (async () => onError(error, request))()
        const saved = await commitFailure(sessions, session, visit, await answer.catch(() => null))
        return withHeaders(await answer, saved)
      } finally {
        visit.headersSent = true
      }
    }
    return runWithSession(session, respond)
  }
}

function answerError(error: unknown): Response {
  if (error instanceof SessionError && (error.status === 503 || error.status === 409)) {
    const text = error.status === 503 ? 'Service Unavailable' : 'Conflict'
    return new Response(`${text}\n`, { status: error.status })
  }
  throw error
}
