import http from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { listen, type TestServer } from './http-exchange.ts'

/** Serves a Web handler over real sockets: what a runtime with Web handlers does by itself. */
export function serveFetch(handle: (request: Request) => Promise<Response>): Promise<TestServer> {
  return listen(
    http.createServer(async (incoming, outgoing) => {
      const gone = new AbortController()
      outgoing.once('close', () => gone.abort())
      const request = new Request(`http://${incoming.headers.host}${incoming.url}`, {
        method: incoming.method ?? 'GET',
        headers: Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
          values.map((value): [string, string] => [name, value]),
        ),
        signal: gone.signal,
      })
      try {
        const response = await handle(request)
        outgoing.statusCode = response.status
        outgoing.setHeaders(response.headers)
        if (response.body === null || incoming.method === 'HEAD') outgoing.end()
        else await pipeline(Readable.fromWeb(response.body as never), outgoing)
      } catch {
        // The client has left, or the handler threw: a runtime answers with a bare 500.
        if (!outgoing.headersSent) outgoing.writeHead(500).end()
        else outgoing.destroy()
      }
    }),
  )
}
