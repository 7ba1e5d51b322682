import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { createSessions, type Session, type SessionEvent, type Sessions } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { type FaultyStore, faultyStore } from '../support/faulty-store.ts'
import { type Answer, ask, type Question } from '../support/http-exchange.ts'
import { cacheCases } from './cases/cache-cases.ts'
import { failureCases } from './cases/failure-cases.ts'
import { lifecycleCases } from './cases/lifecycle-cases.ts'
import { nodeResponseCases } from './cases/node-response-cases.ts'
import { streamingCases } from './cases/streaming-cases.ts'

/** The session data of the apps under test. */
export interface AppData {
  name: string
  visits: number
}

/** What a handler gets, whatever the framework. */
export interface Exchange {
  readonly session: Session<AppData>
  readonly path: string
  /** Resolves when the client has gone away. */
  readonly aborted: Promise<unknown>
  /** Where the framework has one: for the cases that need it. */
  readonly response?: ServerResponse
}

/** What a handler answers, in the framework's usual way. */
export interface Reply {
  readonly status?: number
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: string | AsyncIterable<string>
  /** Answers with the framework's own redirect instead. */
  readonly redirect?: string
}

/** Returns nothing if it has answered by itself. */
export type Handler = (exchange: Exchange) => MaybePromise<Reply | undefined>
type MaybePromise<V> = V | Promise<V>

export type Routes = Readonly<Record<`/${string}`, Handler>>

export interface AppOptions {
  /** Mounts the real `compression`, before or after the sessions. */
  readonly compression?: 'before' | 'after' | undefined
}

/** A framework with its adapter, and an app that handles routes. Errors get the framework's answer. */
export interface AdapterUnderTest {
  readonly name: string
  start(
    sessions: Sessions<AppData>,
    routes: Routes,
    options: AppOptions,
  ): Promise<{ readonly url: string; close(): Promise<void> }>
  /** A session that came with a cookie is loaded before the handler, even if it is never used. */
  readonly loadsBeforeHandler?: boolean
  /** The names of cases that this adapter cannot pass, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>
}

/** What a case works with. */
export interface CaseContext {
  readonly adapter: AdapterUnderTest
  readonly store: FaultyStore
  readonly sessions: Sessions<AppData>
  readonly events: SessionEvent[]
  readonly url: string
  /** Asks without a cookie. */
  ask(path: string, question?: Question): Promise<Answer>
  /** A visitor who keeps the session cookie. */
  browser(): Browser
}

export interface AdapterCase extends AppOptions {
  readonly routes: Routes
  run(context: CaseContext): Promise<void>
}

export type AdapterCases = Readonly<Record<string, AdapterCase>>

/** Keeps the session cookie as a browser does. */
export class Browser {
  cookie: string | null = null
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async ask(path: string, { headers, ...question }: Question = {}): Promise<Answer> {
    const sent = { ...headers, ...(this.cookie !== null && { Cookie: this.cookie }) }
    const answer = await ask(this.#url + path, { ...question, headers: sent })
    for (const setCookie of answer.setCookies) {
      const pair = setCookie.split(';', 1)[0] as string
      if (!pair.startsWith('__Host-session=')) continue
      this.cookie = pair === '__Host-session=' ? null : pair
    }
    return answer
  }
}

/** Declares all cases for one adapter, on a store that answers at once and on one that does not. */
export function describeAdapter(adapter: AdapterUnderTest): void {
  const cases: AdapterCases = {
    ...lifecycleCases,
    ...cacheCases,
    ...streamingCases,
    ...failureCases,
    ...nodeResponseCases,
  }
  for (const name of Object.keys(adapter.skips ?? {})) {
    if (!(name in cases)) throw new Error(`${adapter.name} skips a case that is none: ${name}`)
  }
  for (const answersLater of [false, true]) {
    const when = answersLater ? 'answers later' : 'answers at once'
    describe(`${adapter.name} with a store that ${when}`, () => {
      for (const [name, one] of Object.entries(cases)) {
        const reason = adapter.skips?.[name]
        test(name, { skip: reason ?? false }, () => runCase(adapter, one, answersLater))
      }
    })
  }
}

async function runCase(
  adapter: AdapterUnderTest,
  { routes, run, compression }: AdapterCase,
  answersLater: boolean,
): Promise<void> {
  const events: SessionEvent[] = []
  const store = faultyStore(memoryStore(), { answersLater })
  const sessions = createSessions<AppData>({
    store,
    sweepInterval: false,
    onEvent: (event) => events.push(event),
  })
  const app = await adapter.start(sessions, routes, { compression })
  try {
    await run({
      adapter,
      store,
      sessions,
      events,
      url: app.url,
      ask: (path, question) => ask(app.url + path, question),
      browser: () => new Browser(app.url),
    })
  } finally {
    await app.close()
    await sessions.close()
  }
}
