import { StoreUnavailableError } from '../../src/core/errors.ts'
import type { MaybePromise, Store } from '../../src/core/store.ts'
import { type Deferred, deferred } from './http-exchange.ts'

type Verb = Exclude<keyof Store, 'loadsSynchronously'>

/** A store that does as its inner one, until it is told to fail or to be slow. */
export interface FaultyStore extends Store {
  /** The verbs it was asked for, in order. */
  readonly calls: Verb[]
  /** From now on this verb is refused, and nothing happens. */
  fail(verb: Verb): void
  /** From now on this verb happens only when the gate is opened. */
  block(verb: Verb): Gate
  /** All verbs work again. */
  heal(): void
}

export interface Gate {
  /** Resolves when the first call has arrived. */
  readonly reached: Promise<void>
  open(): void
}

const VERBS = [
  'create',
  'load',
  'save',
  'touch',
  'delete',
  'sweep',
  'list',
  'scan',
  'deleteAll',
  'close',
] as const satisfies Verb[]

/** @param answersLater answers with promises, as a store does that is reached over the network */
export function faultyStore(
  inner: Store,
  { answersLater }: { answersLater: boolean },
): FaultyStore {
  const failing = new Set<Verb>()
  const gates = new Map<Verb, { arrived: Deferred<void>; opened: Deferred<void> }>()
  const calls: Verb[] = []

  const perform = (verb: Verb, given: unknown[]): MaybePromise<unknown> => {
    calls.push(verb)
    const run = (): unknown => {
      if (failing.has(verb)) throw new StoreUnavailableError(`The test made ${verb} fail.`)
      return Reflect.apply(inner[verb] as (...given: unknown[]) => unknown, inner, given)
    }
    const gate = gates.get(verb)
    if (gate === undefined) return answersLater ? Promise.resolve().then(run) : run()
    gate.arrived.resolve()
    return gate.opened.promise.then(run)
  }
  const verbs = Object.fromEntries(
    VERBS.map((verb) => [verb, (...given: unknown[]) => perform(verb, given)]),
  ) as unknown as Omit<Store, 'loadsSynchronously'>
  return {
    ...verbs,
    loadsSynchronously: inner.loadsSynchronously && !answersLater,
    calls,
    fail: (verb) => void failing.add(verb),
    block(verb) {
      const gate = { arrived: deferred(), opened: deferred() }
      gates.set(verb, gate)
      return {
        reached: gate.arrived.promise,
        open() {
          gates.delete(verb)
          gate.opened.resolve()
        },
      }
    },
    heal: () => failing.clear(),
  }
}
