import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import { hookResponse } from '../../src/adapters/header-commit.ts'
import { takeSnapshot } from '../../src/adapters/response-snapshot.ts'
import type { SavedSession, SessionResponse } from '../../src/core/session-interface.ts'
import { listen, type TestServer, turns } from '../support/http-exchange.ts'

type Handle = (response: ServerResponse, request: IncomingMessage) => unknown

export interface CommittedOptions {
  /** The commit takes a few turns of the event loop. Default false. */
  readonly held?: boolean
  /** Resolves when the commit may end; instead of `held`. */
  readonly until?: () => Promise<unknown>
  readonly headers?: SavedSession['headers']
  /** What the commit fails with. */
  readonly error?: Error
  readonly fail?: (response: ServerResponse, error: unknown) => unknown
  /** Runs before the response is hooked, or around it. */
  readonly before?: (response: ServerResponse, request: IncomingMessage) => void
}

export interface CommittedServer extends TestServer {
  /** What each commit was told. */
  readonly saves: SessionResponse[]
  readonly failures: unknown[]
  readonly missed: number
}

/** A server whose responses are hooked, with a commit made up for the test. */
export async function serveCommitted(
  handle: Handle,
  options: CommittedOptions = {},
): Promise<CommittedServer> {
  const saves: SessionResponse[] = []
  const failures: unknown[] = []
  let missed = 0
  const { headers = [], error, held = false, until = held ? () => turns(3) : undefined } = options

  const save = (response: SessionResponse): SavedSession | Promise<SavedSession> => {
    saves.push(response)
    const finish = (): SavedSession => {
      if (error) throw error
      return { headers }
    }
    return until === undefined ? finish() : until().then(finish)
  }
  const target = await listen(
    http.createServer((request, response) => {
      options.before?.(response, request)
      hookResponse(response, {
        before: takeSnapshot(response),
        save,
        missed: () => {
          missed += 1
        },
        fail: (reason) => {
          failures.push(reason)
          options.fail?.(response, reason)
        },
      }).arm()
      void handle(response, request)
    }),
  )
  return {
    ...target,
    saves,
    failures,
    get missed() {
      return missed
    },
  }
}
