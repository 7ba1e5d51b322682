import type { ServerResponse } from 'node:http'
import { isHttp2 } from './response-snapshot.ts'

/** What a response that is held says about itself, beyond that its headers are sent. */
export interface Pretence {
  /** Calls are waiting; the response shall look as it will when they are done. */
  held: boolean
  ended: boolean
  needsDrain: boolean
}

const pretenceKey = Symbol('sessile.pretence')

type Pretending = ServerResponse & { [pretenceKey]: Pretence; _header: string | null }

/**
 * From now on the response behaves as if its headers were sent, as Node's own methods see it: they
 * refuse header changes with their own errors.
 *
 * `finished` stays as it is: `server.close()` would cut the connection of a response that is held.
 */
export function pretendSent(response: ServerResponse, pretence: Pretence): void {
  const pretending = response as Pretending
  pretending[pretenceKey] = pretence
  Object.defineProperties(response, pretendedProperties)
  if (isHttp2(response)) {
    Object.defineProperty(http2Stream(response), 'headersSent', { value: true, configurable: true })
  } else {
    // What Node looks at everywhere, and `compression`, `on-headers` and others with it.
    pretending._header = 'held'
  }
}

export function stopPretending(response: ServerResponse): void {
  if (isHttp2(response)) delete http2Stream(response).headersSent
  else (response as Pretending)._header = null
}

// They stay on the response, because deleting properties would slow down all that follows.
const pretendedProperties: PropertyDescriptorMap = {
  writableEnded: {
    configurable: true,
    get(this: Pretending): boolean {
      const { held, ended } = this[pretenceKey]
      return held ? ended : real(this, 'writableEnded')
    },
  },
  writableNeedDrain: {
    configurable: true,
    get(this: Pretending): boolean {
      const { held, ended, needsDrain } = this[pretenceKey]
      return held ? needsDrain && !ended : real(this, 'writableNeedDrain')
    },
  },
}

function real(response: ServerResponse, name: 'writableEnded' | 'writableNeedDrain'): boolean {
  return Reflect.get(Object.getPrototypeOf(response) as object, name, response) as boolean
}

function http2Stream(response: ServerResponse): { headersSent?: boolean } {
  return (response as unknown as { stream: { headersSent?: boolean } }).stream
}
