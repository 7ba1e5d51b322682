import type { SessionInterface } from '../core/session-interface.ts'

/** What the session of a test begins with. */
export interface SignInOptions<T extends object> {
  /** Default: nobody is logged in. */
  readonly principal?: string
  readonly data?: Partial<T>
  /** Default false. */
  readonly permanent?: boolean
  readonly userAgent?: string
  readonly ip?: string
}

/**
 * Stores a session as a login would, for tests of pages that need one.
 *
 * @returns a `Cookie` header for requests of that session. Unlike a cookie jar, which keeps Secure
 * cookies away from plain HTTP, it also works on `http://localhost`.
 */
export async function signIn<T extends object>(
  sessions: SessionInterface<T>,
  options: SignInOptions<T>,
): Promise<string> {
  const { principal, data = {}, permanent = false, userAgent, ip } = options
  const session = await sessions.open({ cookie: null, userAgent, ip })
  if (principal !== undefined) session.login(principal)
  Object.assign(session.data, data)
  session.permanent = permanent
  const { headers } = await sessions.save(session)
  const setCookie = headers.find(([name]) => name.toLowerCase() === 'set-cookie')?.[1]
  if (setCookie === undefined) {
    throw new TypeError('signIn: give a principal or some data; an empty session is not stored.')
  }
  return setCookie.split(';', 1)[0] as string
}
