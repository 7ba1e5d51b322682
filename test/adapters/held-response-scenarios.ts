import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'

/** What a handler does to a response, and what it notes about it. */
export interface Scenario {
  readonly method?: string
  readonly handle: (
    response: ServerResponse,
    note: (...facts: unknown[]) => void,
    request: IncomingMessage,
  ) => void | Promise<void>
}

const LARGE = 3_000_000

export function largeBody(): Readable {
  const chunk = Buffer.alloc(10_000, 'sessile ')
  return Readable.from(
    (function* () {
      for (let sent = 0; sent < LARGE; sent += chunk.length) yield chunk
    })(),
  )
}

/** Notes what a call throws, as code and message. */
function attempt(note: (...facts: unknown[]) => void, label: string, call: () => unknown): void {
  try {
    call()
    note(label, 'ok')
  } catch (error) {
    const { name, code, message } = error as Error & { code?: string }
    note(label, name, code, message)
  }
}

/** Whatever Node does in these, a response that is held must do as well. */
export const scenarios: Record<string, Scenario> = {
  'end with a body': {
    handle(response, note) {
      note(response.headersSent, response.writableEnded, response.writableFinished)
      note(response.end('hello') === response)
      note(response.headersSent, response.writableEnded)
    },
  },
  'end without a body': {
    handle(response, note) {
      response.end()
      note(response.headersSent, response.writableEnded)
    },
  },
  'end with encoding and callback': {
    handle(response, note) {
      response.end('68656c6c6f', 'hex', () => note('end callback'))
    },
  },
  'end with only a callback': {
    handle(response, note) {
      response.on('finish', () => note('finish', response.writableFinished))
      response.end(() => note('end callback'))
    },
  },
  'writes with callbacks': {
    handle(response, note) {
      response.on('drain', () => note('drain'))
      response.write('a', () => note('a is written'))
      note(response.headersSent, response.writableEnded)
      response.write(new TextEncoder().encode('b'), () => note('b is written'))
      response.write('Yw==', 'base64', () => note('c is written'))
      response.end('d', () => note('end callback'))
      note(response.headersSent, response.writableEnded)
    },
  },
  'writes over several turns': {
    async handle(response) {
      for (const part of 'abcdef') {
        response.write(part)
        await turn()
      }
      response.end()
    },
  },
  'writeHead with an object': {
    handle(response, note) {
      note(
        response.writeHead(201, { 'X-A': 'a', 'Content-Length': 2, 'X-B': ['1', '2'] }) ===
          response,
      )
      note(response.headersSent)
      response.end('ok')
    },
  },
  'writeHead with a flat array': {
    handle(response) {
      response.writeHead(202, ['X-A', 'a', 'X-A', 'b', 'Set-Cookie', 'x=1', 'Set-Cookie', 'y=2'])
      response.end('ok')
    },
  },
  'writeHead with an array of pairs': {
    handle(response) {
      response.writeHead(200, [
        ['X-A', 'a'],
        ['Set-Cookie', 'x=1'],
        ['Set-Cookie', 'y=2'],
      ] as never)
      response.end('ok')
    },
  },
  'writeHead over headers that were set before': {
    handle(response) {
      response.setHeader('X-A', 'old')
      response.setHeader('X-B', 'kept')
      response.writeHead(200, { 'x-a': 'new' })
      response.end('ok')
    },
  },
  'writeHead with an array over headers that were set before': {
    handle(response) {
      response.setHeader('X-A', ['old', 'older'])
      response.writeHead(200, ['X-A', 'new', 'X-A', 'newer'])
      response.end('ok')
    },
  },
  'writeHead with a message': {
    handle(response) {
      response.writeHead(299, 'Fine By Me', { 'X-A': 'a' })
      response.end('ok')
    },
  },
  'writeHead with an undefined message': {
    handle(response) {
      response.writeHead(200, undefined as never, { 'X-A': 'a' })
      response.end('ok')
    },
  },
  'writeHead, then end in a later turn': {
    async handle(response) {
      response.writeHead(200, { 'Content-Length': '2' })
      await turn()
      response.write('o')
      await turn()
      response.end('k')
    },
  },
  'header changes after end': {
    handle(response, note) {
      response.setHeader('X-A', 'a')
      response.end('ok')
      attempt(note, 'set', () => response.setHeader('X-B', 'b'))
      attempt(note, 'append', () => response.appendHeader('X-B', 'b'))
      attempt(note, 'remove', () => response.removeHeader('X-A'))
      attempt(note, 'setHeaders', () => response.setHeaders(new Map([['X-B', 'b']])))
      attempt(note, 'writeHead', () => response.writeHead(500, { 'X-B': 'b' }))
      attempt(note, 'writeHead', () => response.writeHead(500))
      attempt(note, 'flush', () => response.flushHeaders())
      note(response.getHeader('x-a'), response.hasHeader('X-B'), response.getHeaderNames())
    },
  },
  'header changes after a first write': {
    handle(response, note) {
      response.write('ok')
      attempt(note, 'set', () => response.setHeader('X-B', 'b'))
      attempt(note, 'writeHead', () => response.writeHead(500))
      response.end()
    },
  },
  'header changes after flushHeaders': {
    async handle(response, note) {
      note(response.flushHeaders())
      note(response.headersSent, response.writableEnded)
      attempt(note, 'set', () => response.setHeader('X-B', 'b'))
      response.flushHeaders()
      await turn()
      response.end('ok')
    },
  },
  'a status changed after end': {
    handle(response) {
      response.end('ok')
      response.statusCode = 500
      response.statusMessage = 'Too Late'
    },
  },
  'chunks that are none': {
    handle(response, note) {
      attempt(note, 'null', () => response.write(null))
      attempt(note, 'number', () => response.write(5))
      attempt(note, 'object', () => response.end({}))
      note(response.headersSent)
      response.setHeader('X-Still', 'possible')
      response.write('ok')
      attempt(note, 'null', () => response.write(null))
      attempt(note, 'undefined', () => response.write(undefined))
      attempt(note, 'number', () => response.write(5))
      attempt(note, 'object', () => response.end({}))
      response.end()
    },
  },
  'an encoding that is none': {
    handle(response, note) {
      response.write('a')
      attempt(note, 'write', () => response.write('b', 'utf9' as BufferEncoding))
      attempt(note, 'end', () => response.end('b', 'utf9' as BufferEncoding))
      // In Node 22 the response is of no use after that.
      response.destroy()
    },
  },
  'a status that is none': {
    handle(response, note) {
      response.statusCode = 1000
      attempt(note, 'end', () => response.end('ok'))
      attempt(note, 'write', () => response.write('ok'))
      attempt(note, 'flush', () => response.flushHeaders())
      for (const status of [99, 1000, 'abc', undefined]) {
        attempt(note, String(status), () => response.writeHead(status as number))
      }
      note(response.headersSent, response.writableEnded)
      response.statusCode = 200
      response.end('ok')
    },
  },
  'a status as a string': {
    handle(response) {
      response.writeHead('201' as never)
      response.end('ok')
    },
  },
  'a status message that is none': {
    handle(response, note) {
      attempt(note, 'writeHead', () => response.writeHead(200, 'two\nlines'))
      attempt(note, 'end', () => response.end('ok'))
      response.statusMessage = 'One Line'
      response.end('ok')
    },
  },
  'headers that are none, in writeHead': {
    handle(response, note) {
      response.setHeader('X-First', '1')
      attempt(note, 'name', () => response.writeHead(200, { 'not a name': 'a' }))
      attempt(note, 'value', () => response.writeHead(200, { 'X-A': 'two\nlines' }))
      attempt(note, 'undefined', () => response.writeHead(200, { 'X-A': undefined }))
      attempt(note, 'odd', () => response.writeHead(200, ['X-A']))
      note(response.headersSent)
      response.end('ok')
    },
  },
  'a second end': {
    handle(response, note) {
      response.end('ok')
      note(response.end() === response)
      response.end(() => note('callback of the second end'))
    },
  },
  'a second end with a body': {
    handle(response, note) {
      response.on('error', ({ code }: NodeJS.ErrnoException) => note('error', code))
      response.end('ok')
      response.end('more', (error?: Error & { code?: string }) => note('callback', error?.code))
    },
  },
  'a write after end': {
    handle(response, note) {
      response.on('error', ({ code }: NodeJS.ErrnoException) => note('error', code))
      response.end('ok')
      note(response.write('more', (error) => note((error as NodeJS.ErrnoException).code)))
      attempt(note, 'null', () => response.write(null))
    },
  },
  'HEAD with a body': {
    method: 'HEAD',
    handle(response, note) {
      response.setHeader('Content-Length', 5)
      response.write('hel', () => note('written'))
      response.end('lo')
    },
  },
  'HEAD with end': {
    method: 'HEAD',
    handle: (response) => void response.end('hello'),
  },
  '204 with a body': {
    handle(response) {
      response.statusCode = 204
      response.end('hello')
    },
  },
  '304 with headers': {
    handle(response) {
      response.writeHead(304, { ETag: '"1"' })
      response.end()
    },
  },
  'a strict content length, kept': {
    handle(response) {
      response.strictContentLength = true
      response.setHeader('Content-Length', 4)
      response.write('ab')
      response.end('cd')
    },
  },
  'a strict content length, exceeded': {
    handle(response, note) {
      response.strictContentLength = true
      response.writeHead(200, { 'Content-Length': 4 })
      attempt(note, 'too much', () => response.write('abcde'))
      response.write('ab')
      attempt(note, 'too much', () => response.write('cde'))
      attempt(note, 'too little', () => response.end('c'))
      response.end('cd')
    },
  },
  'cork and uncork': {
    handle(response, note) {
      response.cork()
      response.write('a')
      response.write('b')
      process.nextTick(() => {
        response.uncork()
        note(response.writableCorked)
        response.end('c')
      })
    },
  },
  trailers: {
    handle(response) {
      response.writeHead(200, { Trailer: 'X-Sum' })
      response.write('ok')
      response.addTrailers({ 'X-Sum': '1' })
      response.end()
    },
  },
  'informational responses': {
    handle(response) {
      response.writeContinue()
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
      response.end('ok')
    },
  },
  'an implicit header by hand': {
    handle(response, note) {
      const internals = response as ServerResponse & { _header: unknown; _implicitHeader(): void }
      note(Boolean(internals._header))
      if (!internals._header) internals._implicitHeader()
      note(Boolean(internals._header), response.headersSent)
      if (!internals._header) internals._implicitHeader()
      response.end('ok')
    },
  },
  events: {
    async handle(response, note) {
      for (const event of ['prefinish', 'finish', 'close']) {
        response.on(event, () => note(event, response.writableFinished))
      }
      response.write('a')
      await turn()
      response.end('b')
    },
  },
  'a large body, piped': {
    handle: (response) => void largeBody().pipe(response),
  },
  'a large body in a pipeline': {
    handle: (response) => pipeline(largeBody(), response),
  },
  'a large body from an async generator': {
    async handle(response, note) {
      await pipeline(largeBody()[Symbol.asyncIterator]() as AsyncIterable<Buffer>, response)
      note(response.writableEnded)
    },
  },
  'a large body written by hand': {
    async handle(response, note) {
      let waited = false
      for await (const chunk of largeBody()) {
        if (!response.write(chunk)) {
          waited = true
          note(response.writableNeedDrain)
          await once(response, 'drain')
          note(response.writableNeedDrain)
        }
      }
      response.end()
      note(waited)
    },
  },
  'a destroyed response': {
    async handle(response, note) {
      response.on('error', ({ code }: NodeJS.ErrnoException) => note('error', code))
      response.destroy()
      await once(response, 'close')
      response.write('a', (error) => note('write', (error as NodeJS.ErrnoException)?.code))
      response.end('b')
      note(response.destroyed)
    },
  },
}
