import { StoreUnavailableError } from '../../src/core/errors.ts'
import type { MaybePromise, Store } from '../../src/core/store.ts'

export type Verb = Exclude<keyof Store, 'loadsSynchronously'>

interface Twist {
  readonly before?: () => MaybePromise<void>
  readonly after?: () => MaybePromise<void>
  readonly instead?: { readonly outcome: unknown }
}

/** A call that was held up: it has `arrived`, and goes on after `release`. */
export interface HeldCall {
  readonly arrived: Promise<void>
  release(): void
}

export interface Call {
  readonly verb: Verb
  readonly given: readonly unknown[]
}

/**
 * A store that does what `inner` does, tells what it was asked, and fails or hangs where a test
 * wants it to. Each twist meets one call of its verb, in the order in which they were asked for.
 */
export class ScriptedStore implements Store {
  readonly loadsSynchronously: boolean
  readonly calls: Call[] = []
  readonly #inner: Store
  readonly #twists = new Map<Verb, Twist[]>()

  /** @param loadsSynchronously `false`: every verb answers with a promise. */
  constructor(inner: Store, loadsSynchronously = inner.loadsSynchronously) {
    this.#inner = inner
    this.loadsSynchronously = loadsSynchronously
  }

  count(...verbs: Verb[]): number {
    return this.calls.filter(({ verb }) => verbs.includes(verb)).length
  }

  /** The next call throws, and nothing is done. */
  failBefore(verb: Verb, error: unknown = new StoreUnavailableError('The test unplugged it.')) {
    this.#add(verb, { before: () => raise(error) })
  }

  /** The next call is done, and throws all the same: nobody knows that it happened. */
  failAfter(verb: Verb, error: unknown = new StoreUnavailableError('The test unplugged it.')) {
    this.#add(verb, { after: () => raise(error) })
  }

  /** The next call is not done, and its outcome is this. */
  answer(verb: Verb, outcome: unknown) {
    this.#add(verb, { instead: { outcome } })
  }

  /** Just before the next call is done, this is. */
  meanwhile(verb: Verb, before: () => MaybePromise<void>) {
    this.#add(verb, { before })
  }

  /** What was asked for and has met no call yet does not happen. */
  forgive(verb: Verb) {
    this.#twists.delete(verb)
  }

  /** The next call waits, before its effect or between its effect and its answer. */
  hold(verb: Verb, when: 'before' | 'after' = 'before'): HeldCall {
    let [arrive, release] = [() => {}, () => {}]
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const wait = () => {
      arrive()
      return released
    }
    this.#add(verb, { [when]: wait })
    return { arrived, release }
  }

  #add(verb: Verb, twist: Twist): void {
    this.#twists.set(verb, [...(this.#twists.get(verb) ?? []), twist])
  }

  #call<T>(verb: Verb, given: readonly unknown[], run: () => MaybePromise<T>): MaybePromise<T> {
    this.calls.push({ verb, given })
    const twist = this.#twists.get(verb)?.shift()
    if (!this.loadsSynchronously) return this.#callLater(twist, run)
    if (twist?.instead !== undefined) return twist.instead.outcome as T
    const held = twist?.before?.()
    if (held instanceof Promise) return held.then(run)
    const outcome = run()
    const heldAfter = twist?.after?.()
    return heldAfter instanceof Promise ? heldAfter.then(() => outcome) : outcome
  }

  async #callLater<T>(twist: Twist | undefined, run: () => MaybePromise<T>): Promise<T> {
    // As a real client: nothing happens before the present turn of the event loop is over.
    await new Promise((resolve) => setImmediate(resolve))
    if (twist?.instead !== undefined) return twist.instead.outcome as T
    await twist?.before?.()
    const outcome = await run()
    await twist?.after?.()
    return outcome
  }

  create(...given: Parameters<Store['create']>) {
    return this.#call('create', given, () => this.#inner.create(...given))
  }

  load(...given: Parameters<Store['load']>) {
    return this.#call('load', given, () => this.#inner.load(...given))
  }

  save(...given: Parameters<Store['save']>) {
    return this.#call('save', given, () => this.#inner.save(...given))
  }

  touch(...given: Parameters<Store['touch']>) {
    return this.#call('touch', given, () => this.#inner.touch(...given))
  }

  delete(...given: Parameters<Store['delete']>) {
    return this.#call('delete', given, () => this.#inner.delete(...given))
  }

  sweep(...given: Parameters<Store['sweep']>) {
    return this.#call('sweep', given, () => this.#inner.sweep(...given))
  }

  list(...given: Parameters<Store['list']>) {
    return this.#call('list', given, () => this.#inner.list(...given))
  }

  scan(...given: Parameters<Store['scan']>) {
    return this.#call('scan', given, () => this.#inner.scan(...given))
  }

  deleteAll(...given: Parameters<Store['deleteAll']>) {
    return this.#call('deleteAll', given, () => this.#inner.deleteAll(...given))
  }

  close(...given: Parameters<Store['close']>) {
    return this.#call('close', given, () => this.#inner.close(...given))
  }
}

/** The same records behind verbs that all answer with a promise, as a database over a network. */
export function asynchronousStore(inner: Store): ScriptedStore {
  return new ScriptedStore(inner, false)
}

function raise(error: unknown): never {
  throw error
}
