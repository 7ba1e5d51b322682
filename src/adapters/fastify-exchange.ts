import type { IncomingMessage, ServerResponse } from 'node:http'
import type { DefaultSessionData, Session } from '../core/session.ts'
import type { SavedSession, SessionInterface, SessionResponse } from '../core/session-interface.ts'
import type { MaybePromise } from '../core/store.ts'
import { NodeExchange } from './node-exchange.ts'

/** What the plugin needs of a request. */
export interface FastifyRequest {
  readonly raw: IncomingMessage
  /** The peer's address, as far as `trustProxy` believes the headers of a proxy. */
  readonly ip: string
}

/** What the plugin needs of a reply. */
export interface FastifyReply {
  readonly raw: ServerResponse
  readonly log: { error(error: unknown): void }
  code(status: number): unknown
  getHeader(name: string): HeaderValue
  getHeaders(): Record<string, HeaderValue>
  header(name: string, value: HeaderValue): unknown
  removeHeader(name: string): unknown
}

type HeaderValue = number | string | string[] | undefined

/**
 * One request and its reply. The commit is done in `onSend`; for a reply that is hijacked, and so
 * never gets there, the hook of the raw response does it.
 */
export class FastifyExchange extends NodeExchange<DefaultSessionData> {
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #sessions: SessionInterface
  readonly #headersBefore: readonly (readonly [name: string, value: HeaderValue])[]
  #accessed = false
  #committed = false

  constructor(sessions: SessionInterface, request: FastifyRequest, reply: FastifyReply) {
    super(sessions, request.raw, reply.raw, (error) => answerHijacked(reply, error))
    this.#sessions = sessions
    this.#request = request
    this.#reply = reply
    this.#headersBefore = Object.entries(reply.getHeaders()).map(
      // Fastify adds further cookies to this very array.
      ([name, value]) => [name, Array.isArray(value) ? [...value] : value] as const,
    )
  }

  override get ip(): string {
    return this.#request.ip
  }

  override get headersSent(): boolean {
    return this.#committed || super.headersSent
  }

  override get onAccess(): () => void {
    const arm = super.onAccess
    return () => {
      this.#accessed = true
      arm()
    }
  }

  open(): MaybePromise<Session> {
    return this.#sessions.open(this)
  }

  override save(response: SessionResponse): MaybePromise<SavedSession> {
    if (this.#committed) return { headers: [] }
    this.#committed = true
    return super.save(response)
  }

  /** Commits, once, and adds the headers to the reply. @returns the payload to send */
  commit(payload: unknown): MaybePromise<unknown> {
    if (this.#accessed && !this.#committed) return this.#send(payload)
    this.#committed = true
    return payload
  }

  async #send(given: unknown): Promise<unknown> {
    const reply = this.#reply
    const payload = this.#unwrap(given)
    try {
      const { headers } = await this.save({
        status: reply.raw.statusCode,
        cacheControl: headerText(reply, 'cache-control'),
        vary: headerText(reply, 'vary'),
      })
      this.#add(headers)
      return payload
    } catch (error) {
      discard(payload)
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
      for (const [name, value] of this.#headersBefore) reply.header(name, value)
      this.#add(super.headersAfterFailure())
      // For error handlers that set none.
      reply.raw.statusCode = statusOf(error)
      throw error
    }
  }

  /** A Web response would bring its status, and headers that replace ours, only after this hook. */
  #unwrap(payload: unknown): unknown {
    if (Object.prototype.toString.call(payload) !== '[object Response]') return payload
    const { status, headers, body } = payload as Response
    this.#reply.code(status)
    for (const [name, value] of headers) this.#reply.header(name, value)
    return body
  }

  #add(headers: SavedSession['headers']): void {
    const reply = this.#reply
    const ofRaw = reply.raw.getHeader('set-cookie')
    // Cookies of the reply replace those of the raw response, where middleware may have put some.
    if (headers.length > 0 && ofRaw !== undefined && reply.getHeader('set-cookie') === ofRaw) {
      reply.header('set-cookie', ofRaw)
    }
    for (const [name, value] of headers) reply.header(name, value)
  }
}

function answerHijacked({ raw, log }: FastifyReply, error: unknown): void {
  log.error(error)
  if (raw.headersSent) return void raw.destroy()
  raw.statusCode = statusOf(error)
  raw.end()
}

function statusOf(error: unknown): number {
  const { status } = (error ?? {}) as { status?: unknown }
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}

function headerText(reply: FastifyReply, name: string): string | undefined {
  const value = reply.getHeader(name)
  return Array.isArray(value) ? value.join(', ') : value?.toString()
}

/** A stream that nobody is going to read must not keep its file open. */
function discard(payload: unknown): void {
  const { destroy } = (payload ?? {}) as { destroy?: unknown }
  if (payload instanceof ReadableStream) payload.cancel().catch(() => {})
  else if (typeof destroy === 'function') Reflect.apply(destroy, payload, [])
}
