import { SessionOptionsError } from '../core/errors.ts'
import { attachSession, runWithSession } from '../core/request-context.ts'
import type { DefaultSessionData, Session } from '../core/session.ts'
import type { SessionInterface } from '../core/session-interface.ts'
import { commit, commitFailure, FetchVisit, withHeaders } from './fetch-visit.ts'
import { headersAfterFailure } from './request-facts.ts'

/** What the middleware adds to an app's environment: `new Hono<SessionEnv<Data>>()`. */
export interface SessionEnv<T extends object = DefaultSessionData> {
  Variables: { session: Session<T> }
}

export interface HonoOptions<Context> {
  /**
   * The peer's address, for example `(c: Context) => getConnInfo(c).remote.address` with the
   * `getConnInfo` of the platform. Default none.
   */
  readonly clientAddress?: (context: Context) => string | undefined
}

/** What the middleware needs of Hono's context. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
}

export type SessionMiddleware<Context> = (
  context: Context,
  next: () => Promise<void>,
) => Promise<void>

/**
 * The session of each request as `c.var.session`, stored before the response is returned, and so
 * before the first byte of its body. For Hono 4, wherever it runs.
 *
 * Mount it before everything that uses the session. Where it is mounted more than once on the way
 * to a handler, the first one counts, and those of other sessions are refused. Errors of the store
 * go to `app.onError`, with `status` 503; without one of your own Hono answers with that status.
 */
export function sessionMiddleware<T extends object, Context extends HonoContext = HonoContext>(
  sessions: SessionInterface<T>,
  { clientAddress }: HonoOptions<Context> = {},
): SessionMiddleware<Context> {
  return async function sessile(given, next) {
    const outer = mounted.get(given)
    if (outer === sessions) return next()
    if (outer !== undefined) {
      throw new SessionOptionsError(
        'Two session middlewares of different sessions are mounted on the way to one handler. Mount ' +
          'each where the other is not, for example on paths of their own.',
      )
    }
    mounted.set(given, sessions)
    const context = given as unknown as Internals
    const visit = new FetchVisit(context.req.raw, () => clientAddress?.(given))
    const session = await sessions.open(visit)
    context.set('session', session)
    attachSession(context, session)
    attachSession(context.req.raw, session)
    const headersBefore = headersOf(context)
    try {
      await runWithSession(session, next)
      const { res } = context
      // Response.error() and an upgrade stay as they are.
      if (!visit.accessed || res.status === 0 || res.status === 101) return
      const answer = withHeaders(res, await commit(sessions, session, visit, res))
      if (answer === res) return
      // Otherwise Hono adds the headers of the old one to it.
      context.res = undefined
      context.res = answer
    } catch (error) {
      if (visit.committed) {
        takeBack(context, headersBefore, error)
        withHeaders(context.res, { headers: headersAfterFailure(sessions, session) })
      } else {
        // onError itself has failed, or what was thrown is no Error: only a destroy() is done.
        await commitFailure(sessions, session, visit, null)
      }
      throw error
    } finally {
      visit.headersSent = true
    }
  }
}

/** A request has one session. */
const mounted = new WeakMap<object, unknown>()

/** The part of Hono's context whose types know the environment of the app, and we do not. */
interface Internals extends HonoContext {
  get res(): Response
  set res(response: Response | undefined)
  finalized: boolean
  set(key: 'session', value: unknown): void
  status(status: number): void
  header(name: string, value: string | undefined, options?: { append: boolean }): void
  body(data: null): Response
}

/** Makes the context as it was before the handler, so that nothing of the answer gets into another. */
function takeBack(
  context: Internals,
  headersBefore: readonly (readonly [name: string, value: string])[],
  error: unknown,
): void {
  void context.res.body?.cancel().catch(() => {})
  context.res = undefined
  context.finalized = false
  // For an onError that sets none: an answer that could not be stored is no success.
  context.status((error as { status?: number } | null)?.status ?? 500)
  for (const [name] of headersOf(context)) context.header(name, undefined)
  for (const [name, value] of headersBefore) context.header(name, value, { append: true })
}

/** Those that were set for whatever answer there will be; a copy. */
function headersOf(context: Internals): [name: string, value: string][] {
  return [...context.body(null).headers]
}
