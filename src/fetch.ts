/**
 * Sessions for Web handlers, which take a `Request` and return a `Response`.
 *
 * ```ts
 * import { withSessions } from 'sessile/fetch'
 * export default { fetch: withSessions(sessions, (request, session) => Response.json(session)) }
 * ```
 *
 * @module sessile/fetch
 */
export { type FetchOptions, withSessions } from './adapters/fetch.ts'
