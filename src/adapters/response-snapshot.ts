import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** What a response looked like before the app touched it. */
export interface ResponseSnapshot {
  readonly status: number
  readonly statusMessage: string | undefined
  readonly sendDate: boolean
  readonly headers: OutgoingHttpHeaders
}

export function takeSnapshot(response: ServerResponse): ResponseSnapshot {
  const headers = response.getHeaders()
  for (const name in headers) {
    const value = headers[name]
    // appendHeader pushes onto this very array.
    if (Array.isArray(value)) headers[name] = [...value]
  }
  return {
    status: response.statusCode,
    statusMessage: statusMessageOf(response),
    sendDate: response.sendDate,
    headers,
  }
}

/** Takes back all that the app has said about its answer. The headers must not have been sent. */
export function restoreSnapshot(response: ServerResponse, snapshot: ResponseSnapshot): void {
  response.statusCode = snapshot.status
  setStatusMessage(response, snapshot.statusMessage)
  for (const name of response.getHeaderNames()) {
    if (!(name in snapshot.headers)) response.removeHeader(name)
  }
  for (const [name, value] of Object.entries(snapshot.headers)) {
    if (value !== undefined && response.getHeader(name) !== value) response.setHeader(name, value)
  }
  response.sendDate = snapshot.sendDate
}

export function statusMessageOf(response: ServerResponse): string | undefined {
  return isHttp2(response) ? undefined : response.statusMessage
}

export function setStatusMessage(response: ServerResponse, message: string | undefined): void {
  if (!isHttp2(response)) response.statusMessage = message as string
}

/** HTTP/2 has no status messages: its response warns whoever mentions one. */
export function isHttp2(response: ServerResponse): boolean {
  return response.req?.httpVersionMajor === 2
}
