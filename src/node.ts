/**
 * Sessions for `node:http`, `node:https` and the compatible API of `node:http2`.
 *
 * ```ts
 * import { withSessions } from 'sessile/node'
 * http.createServer(withSessions(sessions, (request, response, session) => {
 *   response.end(`Visits: ${session.update('visits', (n = 0) => n + 1)}`)
 * }))
 * ```
 *
 * @module sessile/node
 */
export {
  type NodeOptions,
  type NodeRequest,
  type NodeResponse,
  withSessions,
} from './adapters/node.ts'
