import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { SessionGoneError, StoreUnavailableError } from '../../src/core/errors.ts'
import type {
  Change,
  ModelRequest,
  ModelSession,
  ModelToken,
  Outcome,
} from '../support/session-model.ts'
import { SessionModel } from '../support/session-model.ts'
import type { Step } from '../support/session-steps.ts'
import { schedule } from '../support/session-steps.ts'
import type { TestSession } from '../support/test-app.ts'
import { TestApp } from '../support/test-app.ts'
import type { Answer, TestRequest } from '../support/test-browser.ts'

interface Handled {
  readonly process: TestApp
  readonly real: TestRequest
  readonly model: ModelRequest
}

/** Does each step to two processes with a common store and to the model, and compares them. */
class Interleaving {
  readonly processes: readonly TestApp[]
  readonly #model: SessionModel
  readonly #browser
  #requests: Handled[] = []
  #answers: Answer[] = []
  #changeCount = 0
  #tokens = new Map<string, ModelToken>()
  #ids = new Map<ModelSession, string>()
  #deadIds = new Set<string>()

  constructor(t: TestContext, asynchronous: boolean) {
    const app = new TestApp(t, { asynchronous, idleTimeout: '1h', permanentTimeout: '1h' })
    this.processes = [app, app.anotherProcess()]
    this.#browser = app.browser()
    this.#model = new SessionModel(app.clock.now())
  }

  get #app(): TestApp {
    return this.processes[0] as TestApp
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#step(one)
      await this.#compareRecords()
    }
    await this.#compareTokens()
  }

  async #step(one: Step): Promise<void> {
    switch (one.do) {
      case 'begin':
        return this.#begin(this.processes[one.process] as TestApp, one.hasCookie)
      case 'change': {
        const handled = pick(this.#requests, one.request)
        if (handled === undefined) return
        make(handled.real.session, numbered(one.change, ++this.#changeCount))
        this.#model.change(handled.model, numbered(one.change, this.#changeCount))
        assert.deepEqual(handled.real.session.toJSON(), handled.model.view.data)
        return
      }
      case 'save':
        return this.#save(pick(this.#requests, one.request))
      case 'end':
        return this.#end(pick(this.#requests, one.request), one.status, one.late)
      case 'end together':
        return this.#endTogether(this.processes[one.process] as TestApp)
      case 'deliver':
      case 'lose': {
        const answer = pick(this.#answers, one.answer)
        if (answer === undefined) return
        if (one.do === 'deliver') this.#arrive(answer)
        else this.#answers = this.#answers.filter((other) => other !== answer)
        return
      }
      case 'revoke':
        return this.#revoke()
      case 'clock':
        return this.#moveClock(one.move)
      case 'fail':
        this.#model.failing = one.verb
    }
  }

  async #begin(process: TestApp, hasCookie: boolean): Promise<void> {
    if (this.#requests.length === 4) return
    const browser = hasCookie ? this.#browser : this.#app.browser()
    const model = this.#model.begin(this.#tokens.get(browser.cookie ?? '') ?? null)
    const real = await browser.request({ app: process })
    assert.equal(real.session.principal, model.view.principal)
    this.#requests.push({ process, real, model })
  }

  async #save(handled: Handled | undefined): Promise<void> {
    if (handled === undefined) return
    this.#plantFailure(handled.process)
    const expected = this.#model.commit(handled.model, false)
    this.#removeFailure(handled.process)
    const saved = handled.real.session.save().then(() => 'done', outcomeOf)
    assert.equal(await saved, expected)
    this.#learnIds(handled)
    assert.deepEqual(handled.real.session.toJSON(), handled.model.view.data)
  }

  async #end(handled: Handled | undefined, status: number, late: boolean): Promise<void> {
    if (handled === undefined) return
    this.#plantFailure(handled.process)
    const expected = this.#model.commit(handled.model, status >= 500)
    this.#removeFailure(handled.process)
    const [answer, outcome] = await handled.real.send(status).then(
      (sent) => [sent, 'done'] as const,
      (error: unknown) => [null, outcomeOf(error)] as const,
    )
    // Only its own save() is told that the session has ended.
    assert.equal(outcome, expected === 'gone' ? 'done' : expected)
    this.#finish(handled, answer)
    if (answer !== null && !late) this.#arrive(answer)
  }

  #arrive(answer: Answer): void {
    this.#answers = this.#answers.filter((other) => other !== answer)
    this.#browser.receive(answer)
  }

  async #endTogether(process: TestApp): Promise<void> {
    // A logout does not wait in the queue: in which order it meets the others is left open.
    const together = this.#requests.filter(
      ({ process: its, model }) => its === process && model.destroying.length === 0,
    )
    if (this.#model.failing !== null) return
    const sent = together.map(({ real }) => real.send())
    const sessions = new Set(together.map(({ model }) => model.token?.session))
    for (const session of sessions) {
      const group = together.filter(({ model }) => model.token?.session === session)
      this.#model.commitTogether(group.map(({ model }) => model))
    }
    for (const [at, answer] of (await Promise.all(sent)).entries()) {
      this.#finish(together[at] as Handled, answer)
    }
  }

  #finish(handled: Handled, answer: Answer | null): void {
    this.#requests = this.#requests.filter((other) => other !== handled)
    this.#learnIds(handled)
    if (answer === null) return
    const { issued, cookieIsDead } = handled.model
    if (issued !== null) {
      assert.ok(answer.cookie, 'the answer must bring a token')
      assert.equal(answer.cookie.slice(0, 36), this.#ids.get(issued.session))
      this.#tokens.set(answer.cookie, issued)
    } else assert.equal(answer.cookie, cookieIsDead ? '' : null)
    this.#answers.push(answer)
  }

  #learnIds({ real, model }: Handled): void {
    const { session } = model.token ?? {}
    assert.equal(real.session.isNew, session === undefined)
    if (session === undefined) return
    if (!this.#ids.has(session)) this.#ids.set(session, real.session.id ?? '')
    assert.equal(real.session.id, this.#ids.get(session))
  }

  #plantFailure(process: TestApp): void {
    const { failing } = this.#model
    if (failing !== null) process.store.failBefore(failing)
  }

  /** A failure that no write has met is not to meet a later one of this process only. */
  #removeFailure(process: TestApp): void {
    if (this.#model.failing === null) return
    process.store.forgive(this.#model.failing)
  }

  async #revoke(): Promise<void> {
    const token = this.#tokens.get(this.#browser.cookie ?? '')
    if (token === undefined) return
    const id = this.#browser.id ?? ''
    const { session } = token
    const revoked = await this.#app.sessions.revoke(id, { anyPrincipal: true })
    assert.equal(revoked, session.alive)
    session.alive = false
  }

  async #moveClock(move: number): Promise<void> {
    const { clock } = this.#app
    clock.set(clock.now() + move)
    this.#model.now += move
    if (move < 3_600_000) return
    await this.#app.sessions.sweep()
    for (const session of this.#model.sessions) session.alive = false
  }

  /** The live records are those of the model: nothing is lost, and nothing comes back. */
  async #compareRecords(): Promise<void> {
    const { records } = await this.#app.records.scan({ limit: 1000 }, this.#app.clock.now())
    const expected = new Map<string, object>()
    for (const [session, id] of this.#ids) {
      if (session.alive) expected.set(id, session.state)
      else this.#deadIds.add(id)
    }
    const stored = new Map<string, object>()
    for (const { id, principal, persistent } of records) {
      assert.equal(this.#deadIds.has(id), false, 'a session came back')
      const { data, flash } = await this.#app.payload(id)
      const messages = flash.map(({ message }) => message)
      const state = { data: Object.fromEntries(data), flash: messages, principal, persistent }
      stored.set(id, state)
    }
    assert.deepEqual(stored, expected)
  }

  /** Of all tokens that were ever sent, the newest one of a live session admits, and no other. */
  async #compareTokens(): Promise<void> {
    for (const [cookie, { session, generation }] of this.#tokens) {
      const thief = this.#app.browser()
      thief.cookie = cookie
      const admitted = session.alive && generation === session.generation
      assert.equal(await thief.read(({ isNew }) => !isNew), admitted)
    }
  }
}

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(list.length, 1)]
}

/** The change with values that no other one has, and that nobody else can change. */
function numbered(one: Change, count: number): Change {
  if (one.type === 'set' && Array.isArray(one.value)) return { ...one, value: [`value ${count}`] }
  if (one.type === 'set' || one.type === 'push') return { ...one, value: `value ${count}` }
  if (one.type === 'flash') return { ...one, message: `message ${count}` }
  return one
}

function make(session: TestSession, one: Change): void {
  switch (one.type) {
    case 'set':
      session.set(one.key as 'name', one.value as string)
      return
    case 'push':
      session.get('cart')?.push(one.value)
      return
    case 'delete':
      session.delete(one.key as 'name')
      return
    case 'increment':
      session.update('count', (count = 0) => count + 1)
      return
    case 'clear':
      session.clear()
      return
    case 'keep':
      session.keep(one.keys as 'name'[])
      return
    case 'flash':
      session.flash(one.message)
      return
    case 'take-flashes':
      session.flashes()
      return
    case 'permanent':
      session.permanent = one.value
      return
    case 'login':
      session.login(one.principal, one.keep === null ? {} : { keep: one.keep as 'name'[] })
      return
    case 'rotate':
      session.rotate()
      return
    case 'destroy':
      session.destroy()
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof SessionGoneError) return 'gone'
  if (error instanceof StoreUnavailableError) return 'unavailable'
  throw error
}

suite('requests in any order, in two processes, with answers that come late or never,', () => {
  for (const asynchronous of [false, true]) {
    const kind = asynchronous ? 'asynchronous' : 'synchronous'
    test(`leave what one after the other would have left (${kind} store)`, async (t) => {
      await fc.assert(
        fc.asyncProperty(schedule, async (steps) => {
          await new Interleaving(t, asynchronous).run(steps)
        }),
        { numRuns: 300 },
      )
    })
  }
})
