import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { applyOperation, type SessionState } from '../../src/core/operations.ts'
import { decodePayload, emptyPayload, encodePayload, type Payload } from '../../src/core/payload.ts'
import { jsonSerializer } from '../../src/core/serializer.ts'
import { emptyState, WorkingCopy } from '../../src/core/working-copy.ts'

type Data = Record<string, unknown>

/** What a handler does next. */
type Step =
  | {
      readonly do: 'set' | 'change' | 'change again' | 'append'
      readonly key: string
      readonly value: unknown
    }
  | { readonly do: 'delete' | 'read'; readonly key: string }
  | { readonly do: 'share'; readonly key: string; readonly other: string }
  | { readonly do: 'keep'; readonly keys: readonly string[] }
  | { readonly do: 'clear' }
  | {
      readonly do: 'commit'
      readonly outcome: 'stored' | 'stored on fresher data' | 'failed'
      /** What another process has stored before, if the data is fresher. */
      readonly theirs: Data
      /** What the handler does while it waits. */
      readonly meanwhile: readonly Step[]
    }

const mine = fc.constantFrom('a', 'b', 'c')
const value = fc.oneof(
  fc.integer(),
  fc.constantFrom('text', null, undefined, 1n),
  fc.constant(null).map(() => new Date(0)),
  fc.array(fc.integer(), { maxLength: 2 }),
  fc.array(fc.array(fc.integer(), { maxLength: 1 }), { minLength: 1, maxLength: 2 }),
  fc.array(fc.integer(), { maxLength: 2 }).map((list) => new Set(list)),
)
const key = fc.oneof(mine, fc.constantFrom('x', 'y'))
const theirs = fc.dictionary(fc.constantFrom('x', 'y'), value, { noNullPrototype: true })
const changes = ['set', 'change', 'change', 'change again', 'append'] as const
const change: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom(...changes), key: mine, value }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read'), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('share'), key: mine, other: mine }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('keep'), keys: fc.subarray(['a', 'x']) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear') }) },
)
const commit: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('commit'),
  outcome: fc.constantFrom('stored', 'stored on fresher data', 'failed'),
  theirs,
  meanwhile: fc.array(change, { maxLength: 4 }),
})
const step = fc.oneof({ weight: 5, arbitrary: change }, { weight: 1, arbitrary: commit })
const lastCommit: Step = { do: 'commit', outcome: 'stored', theirs: {}, meanwhile: [] }

/** A handler with a working copy, the store, and beside them what both should hold. */
class Play {
  #stored = encode(new Map())
  readonly #copy = new WorkingCopy(jsonSerializer)
  /** What the handler should see. */
  #expected = new Map<string, unknown>()
  /** What the store should hold, and what the handler did since; both to be done again. */
  #committed = new Map<string, unknown>()
  #since: ((data: Map<string, unknown>) => unknown)[] = []
  /** Objects that the handler got some time ago. */
  readonly #kept = new Map<string, object>()

  take(step: Step): void {
    switch (step.do) {
      case 'set':
        this.#copy.set(step.key, clone(step.value))
        this.#expect((data) => data.set(step.key, clone(step.value)))
        break
      case 'append':
        this.#copy.update(step.key, (before) => append(before, step.value))
        this.#expect((data) => data.set(step.key, append(data.get(step.key), step.value)))
        break
      case 'read':
        this.#keep(step.key)
        break
      case 'change':
        this.#keep(step.key)
        this.#change(step.key, step.value)
        break
      case 'change again':
        this.#change(step.key, step.value)
        break
      case 'share':
        this.#share(step.key, step.other)
        break
      case 'delete':
        this.#copy.apply({ type: 'delete', key: step.key })
        this.#expect((data) => data.delete(step.key))
        break
      case 'keep':
        this.#copy.apply({ type: 'keep', keys: new Set(step.keys) })
        this.#expect((data) => {
          for (const key of data.keys()) if (!step.keys.includes(key)) data.delete(key)
        })
        break
      case 'clear':
        this.#copy.apply({ type: 'clear' })
        this.#expect((data) => data.clear())
        break
      case 'commit':
        this.#commit(step)
        break
    }
    assert.deepEqual(this.#copy.data, this.#expected)
  }

  #expect(change: (data: Map<string, unknown>) => unknown): void {
    this.#since.push(change)
    change(this.#expected)
  }

  #keep(key: string): void {
    const object = this.#copy.get(key)
    if (typeof object === 'object' && object !== null) this.#kept.set(key, object)
    else this.#kept.delete(key)
  }

  #share(key: string, other: string): void {
    if (!this.#copy.data.has(key)) return
    const value = this.#copy.get(key)
    this.#copy.set(other, value)
    const now = clone(value)
    this.#expect((data) => data.set(other, clone(now)))
  }

  /** Counts only while the object is still in the data, and for each key that has it. */
  #change(key: string, value: unknown): void {
    const object = this.#kept.get(key)
    if (object === undefined) return
    changeInside(object, clone(value))
    const now = clone(object)
    for (const [key, present] of this.#copy.data) {
      if (present === object) this.#expect((data) => data.set(key, clone(now)))
    }
  }

  #commit({ outcome, theirs, meanwhile }: Step & { do: 'commit' }): void {
    const since = this.#since
    this.#since = []
    const draft = encode(this.#copy.data)
    const operations = this.#copy.take(draft)
    assert.deepEqual(this.#copy.operations(), [])
    const onFresherData = decode(this.#stored)
    for (const [key, value] of Object.entries(theirs)) onFresherData.payload.data.set(key, value)
    for (const operation of operations) applyOperation(onFresherData, operation)
    const merged = encode(onFresherData.payload.data)

    for (const step of meanwhile) this.take(step)

    if (outcome === 'failed') {
      this.#copy.restore()
      this.#since = [...since, ...this.#since]
      return
    }
    this.#stored = draft
    if (outcome === 'stored on fresher data') {
      this.#stored = merged
      this.#copy.rebase(decode(merged))
      for (const [key, value] of Object.entries(theirs)) this.#committed.set(key, clone(value))
    }
    for (const change of since) change(this.#committed)
    this.#expected = clone(this.#committed)
    for (const change of this.#since) change(this.#expected)
    assert.deepEqual(sorted(decode(this.#stored).payload.data), sorted(this.#committed))
  }
}

test('whatever a handler does and others store, all of it is stored, and the handler sees it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const play = new Play()
      for (const one of [...steps, lastCommit]) play.take(one)
    }),
    { numRuns: 3000 },
  )
})

function append(before: unknown, value: unknown): unknown[] {
  return [...(Array.isArray(before) ? before : []), clone(value)]
}

function changeInside(object: object, value: unknown): void {
  if (object instanceof Date) object.setTime(object.getTime() + 1)
  else if (object instanceof Set) object.add(value)
  else if (Array.isArray(object) && Array.isArray(object[0])) object[0].push(value)
  else if (Array.isArray(object)) object.push(value)
}

function clone<T>(value: T): T {
  return structuredClone(value)
}

function sorted(data: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...data].toSorted(([one], [other]) => (one < other ? -1 : 1))
}

function encode(data: ReadonlyMap<string, unknown>): string {
  return encodePayload({ ...emptyPayload(), data: new Map(data) }, jsonSerializer) as string
}

function decode(stored: string): SessionState {
  return { ...emptyState(), payload: decodePayload(stored, jsonSerializer) as Payload }
}
