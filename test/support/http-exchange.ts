import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

/** A server on a free port, closed with `await using`. */
export interface TestServer extends AsyncDisposable {
  readonly server: http.Server
  readonly port: number
  readonly url: string
}

export async function listen(server: http.Server): Promise<TestServer> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface Answer {
  readonly status: number
  readonly statusMessage: string
  readonly headers: http.IncomingHttpHeaders
  readonly setCookies: readonly string[]
  readonly rawHeaders: readonly string[]
  readonly trailers: NodeJS.Dict<string>
  /** Informational responses that came before. */
  readonly informational: readonly { status: number; rawHeaders: readonly string[] }[]
  readonly body: Buffer
  readonly text: string
}

export interface Question {
  readonly method?: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string
  readonly agent?: http.Agent | false
}

/** One request, its answer as it came over the wire: nothing is decoded or followed. */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  const { body, method = 'GET', headers = {}, agent = false } = question
  const request = http.request(url, { method, headers, agent }).end(body)
  const informational: { status: number; rawHeaders: string[] }[] = []
  request.on('information', ({ statusCode, rawHeaders }) =>
    informational.push({ status: statusCode, rawHeaders }),
  )
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const received = Buffer.concat(chunks)
  return {
    status: response.statusCode ?? 0,
    statusMessage: response.statusMessage ?? '',
    headers: response.headers,
    setCookies: response.headers['set-cookie'] ?? [],
    rawHeaders: response.rawHeaders,
    trailers: response.trailers,
    informational,
    body: received,
    text: received.toString(),
  }
}

/** Sends bytes and goes away, without an answer or after its first bytes. */
export async function sendAndLeave(port: number, bytes: string): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes, () => socket.destroy())
  await once(socket, 'close')
}

/** Sends bytes and reads until the server ends the connection. */
export async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** Lets the event loop turn a few times. */
export async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await turn()
}

export interface Deferred<V> {
  readonly promise: Promise<V>
  resolve(value: V): void
}

export function deferred<V = void>(): Deferred<V> {
  let resolve: (value: V) => void = () => {}
  const promise = new Promise<V>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
