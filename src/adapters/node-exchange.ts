import type { IncomingMessage, ServerResponse } from 'node:http'
import { SessionOptionsError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type {
  SavedSession,
  SessionInterface,
  SessionRequest,
  SessionResponse,
} from '../core/session-interface.ts'
import type { MaybePromise } from '../core/store.ts'
import { commitOf, type HeaderCommit, hookResponse } from './header-commit.ts'
import { headersAfterFailure, isPromise, isSecure } from './request-facts.ts'
import { type ResponseSnapshot, takeSnapshot } from './response-snapshot.ts'

/**
 * One request and its response: what a session interface asks about the one, and what the commit
 * does to the other.
 */
export class NodeExchange<T extends object> implements SessionRequest, HeaderCommit {
  readonly before: ResponseSnapshot
  session: Session<T> | null = null
  /** The handler threw: whatever the status of the error page, its changes are not stored. */
  handlerFailed = false
  readonly fail: (error: unknown) => void
  readonly #sessions: SessionInterface<T>
  readonly #request: IncomingMessage & { readonly ip?: string | undefined }
  readonly #response: ServerResponse
  readonly #hook: { arm(): void }

  constructor(
    sessions: SessionInterface<T>,
    request: IncomingMessage & { readonly ip?: string | undefined },
    response: ServerResponse,
    fail: (error: unknown) => void,
  ) {
    this.before = takeSnapshot(response)
    this.fail = fail
    this.#sessions = sessions
    this.#request = request
    this.#response = response
    this.#hook = hookResponse(response, this)
  }

  /**
   * The exchange of a middleware that was mounted before: a request has one session.
   *
   * @throws SessionOptionsError if it is one of other sessions
   */
  static of<T extends object>(
    response: ServerResponse,
    sessions: SessionInterface<T>,
  ): NodeExchange<T> | null {
    const outer = commitOf(response)
    if (outer === undefined) return null
    if (outer instanceof NodeExchange && outer.#sessions === sessions) return outer
    throw new SessionOptionsError(
      'Two session middlewares of different sessions are mounted on the way to one handler. Mount ' +
        'each where the other is not, for example on routers of their own.',
    )
  }

  get cookie(): string | undefined {
    return this.#request.headers.cookie
  }

  get ip(): string | undefined {
    return this.#request.ip ?? this.#request.socket.remoteAddress
  }

  get userAgent(): string | undefined {
    return this.#request.headers['user-agent']
  }

  get secure(): boolean {
    const { headers, socket } = this.#request
    const { encrypted = false } = socket as { encrypted?: boolean }
    return isSecure(encrypted, headers['x-forwarded-proto'], headers['forwarded'])
  }

  get headersSent(): boolean {
    return this.#response.headersSent
  }

  get onAccess(): () => void {
    return () => {
      if (!this.#response.headersSent) this.#hook.arm()
    }
  }

  save(response: SessionResponse): MaybePromise<SavedSession> {
    const { status = 200 } = response
    return this.#sessions.save(
      this.session as Session<T>,
      this.handlerFailed && status < 500 ? { ...response, status: 500 } : response,
    )
  }

  headersAfterFailure(): SavedSession['headers'] {
    return headersAfterFailure(this.#sessions, this.session as Session<T>)
  }

  /** What was changed is stored all the same; an error would have nowhere to go. */
  missed(): void {
    try {
      const saved = this.save({ status: this.#response.statusCode })
      if (isPromise(saved)) saved.catch(() => {})
    } catch {}
  }
}
