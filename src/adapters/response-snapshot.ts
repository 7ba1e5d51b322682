import type { ServerResponse } from 'node:http'

type HeaderValue = ReturnType<ServerResponse['getHeader']>

/** What a response looked like before the app touched it. */
export interface ResponseSnapshot {
  readonly status: number
  readonly statusMessage: string | undefined
  readonly sendDate: boolean
  readonly names: readonly string[]
  /** Of the headers with these names, in this order. */
  readonly values: readonly HeaderValue[]
}

export function takeSnapshot(response: ServerResponse): ResponseSnapshot {
  const names = response.getHeaderNames()
  const values: HeaderValue[] = []
  for (const name of names) {
    const value = response.getHeader(name)
    // appendHeader pushes onto this very array.
    values.push(Array.isArray(value) ? [...value] : value)
  }
  return {
    status: response.statusCode,
    statusMessage: statusMessageOf(response),
    sendDate: response.sendDate,
    names,
    values,
  }
}

/** Takes back all that the app has said about its answer. The headers must not have been sent. */
export function restoreSnapshot(response: ServerResponse, snapshot: ResponseSnapshot): void {
  const { status, statusMessage, sendDate, names, values } = snapshot
  response.statusCode = status
  setStatusMessage(response, statusMessage)
  for (const name of response.getHeaderNames()) {
    if (!names.includes(name)) response.removeHeader(name)
  }
  for (const [index, name] of names.entries()) {
    const value = values[index]
    if (value !== undefined && response.getHeader(name) !== value) response.setHeader(name, value)
  }
  response.sendDate = sendDate
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
