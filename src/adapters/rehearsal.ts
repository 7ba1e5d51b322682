import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { statusMessageOf } from './response-snapshot.ts'

/** A call that waits for the commit. */
export interface HeldCall {
  readonly method: 'writeHead' | 'write' | 'end' | 'flushHeaders'
  readonly args: unknown[]
}

const NOT_IN_A_STATUS_LINE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Throws what Node would throw, if it would: a call that is held must fail where it was made, not
 * later. All that looks doubtful is called on a response that leads nowhere, after the calls before.
 */
export function rehearse(
  response: ServerResponse,
  held: readonly HeldCall[],
  method: HeldCall['method'],
  args: readonly unknown[],
): void {
  if (isPlain(response, method, args)) return
  const stage = standIn(response)
  for (const call of held) perform(stage, call.method, call.args)
  perform(stage, method, args)
}

/** A response that says the same so far, and leads nowhere. */
export function standIn(response: ServerResponse): ServerResponse {
  const { req } = response
  const stage = new ServerResponse({
    method: req.method,
    httpVersionMajor: 1,
    httpVersionMinor: req.httpVersionMajor === 1 ? req.httpVersionMinor : 1,
    headers: {},
  } as IncomingMessage)
  stage.on('error', () => {})
  stage.assignSocket(new PassThrough() as unknown as Socket)
  stage.statusCode = response.statusCode
  const message = statusMessageOf(response)
  if (message !== undefined) stage.statusMessage = message
  stage.strictContentLength = response.strictContentLength
  for (const name of response.getHeaderNames()) {
    stage.setHeader(name, response.getHeader(name) as string)
  }
  return stage
}

function isPlain(
  response: ServerResponse,
  method: HeldCall['method'],
  args: readonly unknown[],
): boolean {
  const { statusCode } = response
  const message = statusMessageOf(response)
  if (!(statusCode >= 100 && statusCode <= 999) || response.strictContentLength) return false
  if (message && NOT_IN_A_STATUS_LINE.test(message)) return false
  if (method === 'writeHead' || method === 'flushHeaders') return true
  const [chunk, encoding] = args
  if (method === 'end' && (chunk === undefined || chunk === null || typeof chunk === 'function')) {
    return true
  }
  return (
    (typeof chunk === 'string' || chunk instanceof Uint8Array) &&
    (encoding === undefined ||
      encoding === null ||
      typeof encoding === 'function' ||
      (typeof encoding === 'string' && Buffer.isEncoding(encoding)))
  )
}

/** Without the callbacks: they belong to the real call. */
function perform(stage: ServerResponse, method: HeldCall['method'], args: readonly unknown[]) {
  const values = args.filter((value) => typeof value !== 'function')
  Reflect.apply(stage[method] as (...values: unknown[]) => unknown, stage, values)
}
