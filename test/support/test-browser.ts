import assert from 'node:assert/strict'
import type { SavedSession, SessionRequest } from '../../src/core/session-interface.ts'
import type { TestApp, TestSession } from './test-app.ts'

const COOKIE = '__Host-session'

/** The answer to one request, on its way to the browser. */
export interface Answer {
  readonly headers: SavedSession['headers']
  /** The value of the session cookie that the answer sets; `''` if it removes it. */
  readonly cookie: string | null
}

/** A request that is being handled. */
export interface TestRequest {
  readonly session: TestSession
  /** Commits and sends the answer, which the browser receives. */
  end(status?: number): Promise<Answer>
  /** Commits and sends the answer, which is still on its way. */
  send(status?: number): Promise<Answer>
}

/** A browser with its cookie jar: one cookie by name, and the last one that arrives wins. */
export class TestBrowser {
  /** The value of the session cookie. */
  cookie: string | null = null
  readonly #app: TestApp

  constructor(app: TestApp) {
    this.#app = app
  }

  /** The public half of the cookie. */
  get id(): string | null {
    return this.cookie?.slice(0, 36) ?? null
  }

  /**
   * Sends a request. Its session is loaded when this returns, so that what other requests do
   * afterwards happens while this one is handled.
   */
  async request(
    facts: Partial<SessionRequest> & { readonly app?: TestApp; readonly unused?: boolean } = {},
  ): Promise<TestRequest> {
    const { app = this.#app, unused = false, ...rest } = facts
    const cookie = this.cookie === null ? undefined : `${COOKIE}=${this.cookie}`
    const session = await app.sessions.open({ cookie, ...rest })
    if (!unused) void session.isNew
    const send = (status?: number) => commit(app, session, status)
    return {
      session,
      send,
      end: async (status) => {
        const answer = await send(status)
        this.receive(answer)
        return answer
      },
    }
  }

  /** One request from its beginning to the arrival of its answer. */
  async visit(
    handler: (session: TestSession) => unknown = () => {},
    { status, app }: { readonly status?: number; readonly app?: TestApp } = {},
  ): Promise<Answer> {
    const request = await this.request(app && { app })
    await handler(request.session)
    return request.end(status)
  }

  /** What one visit reads from its session. */
  async read<T>(look: (session: TestSession) => T): Promise<T> {
    const { session } = await this.request()
    return look(session)
  }

  receive(answer: Answer): void {
    if (answer.cookie !== null) this.cookie = answer.cookie === '' ? null : answer.cookie
  }
}

async function commit(app: TestApp, session: TestSession, status = 200): Promise<Answer> {
  const { headers } = await app.sessions.save(session, { status })
  const values = headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value)
  assert.ok(values.length <= 1, 'an answer sets one session cookie at most')
  const [value] = values
  if (value === undefined) return { headers, cookie: null }
  const cookie = /^__Host-session=([^;]*);/.exec(value)?.[1]
  assert.ok(cookie !== undefined, value)
  if (cookie !== '') app.secrets.add(cookie.slice(37))
  return { headers, cookie }
}
