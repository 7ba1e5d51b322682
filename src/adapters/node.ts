import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { attachSession, runWithSession } from '../core/request-context.ts'
import type { Session } from '../core/session.ts'
import type { SessionInterface } from '../core/session-interface.ts'
import { NodeExchange } from './node-exchange.ts'
import { isPromise } from './request-facts.ts'
import { restoreSnapshot } from './response-snapshot.ts'

export type NodeRequest = IncomingMessage | Http2ServerRequest
export type NodeResponse = ServerResponse | Http2ServerResponse

export interface NodeOptions<Request, Response> {
  /**
   * Answers when the handler threw, or the session could not be loaded or stored (`error.status` is
   * 503). Status and headers are as they were before the handler, unless `response.headersSent`:
   * then there is only something to log, and a response that has not ended is cut off. Default: logs
   * the error with `console.error`, and answers with `error.status` or 500 and the name of that
   * status, nothing else.
   */
  readonly onError?: (error: unknown, request: Request, response: Response) => unknown
}

/**
 * Makes a request listener for `http.createServer` (also of `node:https` and, with its compatible
 * API, `node:http2`) out of a handler that gets a session, which is stored before the response is
 * sent.
 *
 * A handler that throws or rejects has its changes dropped, except that a `destroy()` is final.
 */
export function withSessions<
  T extends object,
  Request extends NodeRequest = IncomingMessage,
  Response extends NodeResponse = ServerResponse,
>(
  sessions: SessionInterface<T>,
  handler: (request: Request, response: Response, session: Session<T>) => unknown,
  options: NodeOptions<Request, Response> = {},
): (request: Request, response: Response) => void {
  return (request, response) => {
    // The HTTP/2 objects do whatever those of HTTP/1 can.
    const incoming = request as IncomingMessage
    const outgoing = response as ServerResponse

    const answer = (error: unknown): void => {
      void answerError(error, options.onError ?? answerPlainly, request, response)
    }
    const exchange = new NodeExchange(sessions, incoming, outgoing, answer)

    const handlerFailed = (error: unknown): void => {
      exchange.handlerFailed = true
      if (!outgoing.headersSent) restoreSnapshot(outgoing, exchange.before)
      answer(error)
    }
    const handle = (session: Session<T>): void => {
      exchange.session = session
      attachSession(request, session)
      try {
        const result = runWithSession(session, () => handler(request, response, session))
        if (isPromise(result)) result.then(undefined, handlerFailed)
      } catch (error) {
        handlerFailed(error)
      }
    }
    let opened: ReturnType<typeof sessions.open>
    try {
      opened = sessions.open(exchange)
    } catch (error) {
      return answer(error)
    }
    if (isPromise(opened)) opened.then(handle, answer)
    else handle(opened)
  }
}

async function answerError<Request extends NodeRequest, Response extends NodeResponse>(
  error: unknown,
  onError: (error: unknown, request: Request, response: Response) => unknown,
  request: Request,
  response: Response,
): Promise<void> {
  let isLost = response.headersSent
  try {
    await onError(error, request, response)
  } catch (second) {
    isLost = response.headersSent
    answerPlainly(second, request, response)
  }
  if (isLost && !response.writableEnded) response.destroy()
}

function answerPlainly(error: unknown, _request: NodeRequest, response: NodeResponse): void {
  // biome-ignore lint/suspicious/noConsole: an error that nobody handles must be seen
  console.error(error)
  if (response.headersSent) return
  const { status } = (error ?? {}) as { status?: unknown }
  response.statusCode = typeof status === 'number' && status >= 400 && status < 600 ? status : 500
  const body = `${STATUS_CODES[response.statusCode] ?? 'Error'}\n`
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(body)
}
