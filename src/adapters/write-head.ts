import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import { standIn } from './rehearsal.ts'
import { setStatusMessage } from './response-snapshot.ts'

/** What `writeHead` takes: a status, and maybe a message, headers or both. */
export type WriteHeadArgs = [status: number, ...rest: unknown[]]

type Entries = readonly (readonly [name: string, value: OutgoingHttpHeader])[]

/**
 * Moves everything that is given to `writeHead` to the response itself, as Node does where headers
 * were set before: then all headers are in one place.
 *
 * @returns what is left to call `writeHead` with.
 */
export function applyHead(response: ServerResponse, args: WriteHeadArgs): WriteHeadArgs {
  const [status, second, third] = args
  const message = typeof second === 'string' ? second : undefined
  const headers = message === undefined ? (third ?? second) : third
  if (message !== undefined) setStatusMessage(response, message)
  response.statusCode = status
  if (Array.isArray(headers)) {
    const isFlat = !Array.isArray(headers[0])
    // Names without values: Node says it best.
    if (isFlat && headers.length % 2 !== 0) standIn(response).writeHead(status, headers)
    const entries = isFlat ? inPairs(headers) : (headers as Entries)
    for (const [name] of entries) response.removeHeader(name)
    for (const [name, value] of entries) {
      if (name) response.appendHeader(name, value as string)
    }
  } else if (headers) {
    for (const [name, value] of Object.entries(headers)) {
      if (name) response.setHeader(name, value as string)
    }
  }
  return message === undefined ? [status] : [status, message]
}

function inPairs(headers: unknown[]): Entries {
  const entries: [string, OutgoingHttpHeader][] = []
  for (let n = 0; n < headers.length; n += 2) {
    entries.push([headers[n] as string, headers[n + 1] as OutgoingHttpHeader])
  }
  return entries
}
