import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { SessionEvent } from '../../src/core/events.ts'
import type { SessionsOptions } from '../../src/core/options.ts'
import type { Payload } from '../../src/core/payload.ts'
import { decodePayload } from '../../src/core/payload.ts'
import { jsonSerializer } from '../../src/core/serializer.ts'
import type { Session } from '../../src/core/session.ts'
import { createSessions } from '../../src/core/session-manager.ts'
import type { SessionRecord } from '../../src/core/session-record.ts'
import type { Sessions } from '../../src/core/sessions.ts'
import type { Store } from '../../src/core/store.ts'
import { memoryStore } from '../../src/memory.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { assertNothingLeaked, confidentialTexts } from './leak-watch.ts'
import { asynchronousStore, ScriptedStore } from './scripted-store.ts'
import { TestBrowser } from './test-browser.ts'

export type TestData = {
  name: string
  color: string
  count: number
  total: number
  cart: string[]
  profile: { city: string; tags: string[] }
  [key: `key${number}`]: string
}

export type TestSession = Session<TestData>

export interface TestAppOptions extends Partial<SessionsOptions<TestData>> {
  /** Where the records are. Default: a memory store of its own. */
  readonly records?: Store
  /** Whether the store answers with promises only. Default false. */
  readonly asynchronous?: boolean
}

/**
 * An app with sessions on a store that can be made to fail, and a clock that stands still. When the
 * test ends, no event and no error that it saw may have shown a secret or a value of the data.
 */
export class TestApp {
  readonly clock
  readonly records: Store
  readonly store: ScriptedStore
  readonly sessions: Sessions<TestData>
  readonly events: SessionEvent[] = []
  /** Errors and other things that must not give away any secret. */
  readonly shown: unknown[] = []
  readonly secrets = new Set<string>()
  readonly #t: TestContext
  readonly #options: TestAppOptions

  constructor(t: TestContext, options: TestAppOptions = {}) {
    const { records = memoryStore(), asynchronous = false, ...rest } = options
    const clock = manualClock()
    this.clock = (options.clock as typeof clock | undefined) ?? clock
    this.records = records
    this.store = asynchronous ? asynchronousStore(records) : new ScriptedStore(records)
    this.sessions = createSessions<TestData>({
      store: this.store,
      clock: this.clock,
      sweepInterval: false,
      onEvent: (event) => this.events.push(event),
      ...rest,
    })
    this.#t = t
    this.#options = options
    t.after(async () => {
      await this.sessions.close()
      const confidential = confidentialTexts(this.store.calls)
      assertNothingLeaked([...this.events, ...this.shown], [...confidential, ...this.secrets])
    })
  }

  browser(): TestBrowser {
    return new TestBrowser(this)
  }

  /** The same app in another process: the same records, nothing else in common. */
  anotherProcess(options: TestAppOptions = {}): TestApp {
    const { records, clock } = this
    return new TestApp(this.#t, { ...this.#options, records: shared(records), clock, ...options })
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type)
  }

  eventsOf<T extends SessionEvent['type']>(type: T): (SessionEvent & { readonly type: T })[] {
    return this.events.filter((event) => event.type === type) as (SessionEvent & { type: T })[]
  }

  /** The live record with this id. */
  async record(id: string | null): Promise<SessionRecord | undefined> {
    assert.ok(id)
    const [record] = await this.records.load([id], this.clock.now())
    return record
  }

  /** What a live record holds. */
  async payload(id: string | null): Promise<Payload> {
    const record = await this.record(id)
    assert.ok(record, 'there is no such session')
    const payload = decodePayload(record.data, jsonSerializer)
    assert.ok(typeof payload === 'object', `the payload is ${payload}`)
    return payload
  }

  /** The data in a live record; `null` if there is none. */
  async data(id: string | null): Promise<Partial<TestData> | null> {
    if ((await this.record(id)) === undefined) return null
    return Object.fromEntries((await this.payload(id)).data) as Partial<TestData>
  }

  /** Asserts that a promise rejects with an error of a class, and keeps an eye on what it shows. */
  async rejects(
    promise: Promise<unknown>,
    type: abstract new (...given: never) => Error,
  ): Promise<Error> {
    const error = await promise.then(
      () => assert.fail(`it did not reject; ${type.name} was expected`),
      (reason: unknown) => reason,
    )
    this.shown.push(error)
    assert.ok(error instanceof type, `${type.name} was expected, not ${error}`)
    return error
  }
}

/** The records of a store for one more process, which closes only itself. */
function shared(records: Store): Store {
  return new Proxy(records, {
    get(target, name) {
      if (name === 'close') return () => {}
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A test that has to pass with a store that answers at once, and with one that does not. */
export function testOnBoth(
  name: string,
  run: (app: TestApp, t: TestContext) => Promise<void>,
  options: TestAppOptions = {},
): void {
  for (const asynchronous of [false, true]) {
    const kind = asynchronous ? 'asynchronous' : 'synchronous'
    test(`${name} (${kind} store)`, (t) => run(new TestApp(t, { ...options, asynchronous }), t))
  }
}
