import fc from 'fast-check'
import type { Change } from './session-model.ts'

/** One step of a schedule. Numbers pick among what is there, whatever its count. */
export type Step =
  | { readonly do: 'begin'; readonly process: number; readonly hasCookie: boolean }
  | { readonly do: 'change'; readonly request: number; readonly change: Change }
  | { readonly do: 'save'; readonly request: number }
  | {
      readonly do: 'end'
      readonly request: number
      readonly status: number
      readonly late: boolean
    }
  | { readonly do: 'end together'; readonly process: number }
  | { readonly do: 'deliver'; readonly answer: number }
  | { readonly do: 'lose'; readonly answer: number }
  | { readonly do: 'revoke' }
  | { readonly do: 'clock'; readonly move: number }
  | { readonly do: 'fail'; readonly verb: 'save' | 'create' }

const key = fc.constantFrom('name', 'color')
const keys = fc.constantFrom(['name'], ['cart', 'count'], [])
const login = fc.record({
  type: fc.constant('login' as const),
  principal: fc.constantFrom('ada', 'grace'),
  keep: fc.option(keys),
})

// The values are placeholders: the schedule numbers them.
const change: fc.Arbitrary<Change> = weighted(
  [4, key.map((one): Change => ({ type: 'set', key: one, value: '' }))],
  [1, fc.constant<Change>({ type: 'set', key: 'cart', value: [] })],
  [2, fc.constant<Change>({ type: 'push', value: '' })],
  [2, fc.constant<Change>({ type: 'increment' })],
  [
    3,
    fc.constantFrom('name', 'color', 'cart').map((one): Change => ({ type: 'delete', key: one })),
  ],
  [1, fc.constant<Change>({ type: 'clear' })],
  [1, keys.map((some): Change => ({ type: 'keep', keys: some }))],
  [1, fc.constant<Change>({ type: 'flash', message: '' })],
  [1, fc.constant<Change>({ type: 'take-flashes' })],
  [1, fc.boolean().map((value): Change => ({ type: 'permanent', value }))],
  [2, login],
  [1, fc.constant<Change>({ type: 'rotate' })],
  [1, fc.constant<Change>({ type: 'destroy' })],
)

const process = fc.constantFrom(0, 0, 1)
const index = fc.nat(3)

const step: fc.Arbitrary<Step> = weighted(
  [5, fc.record({ do: fc.constant('begin' as const), process, hasCookie: mostly(true) })],
  [9, fc.record({ do: fc.constant('change' as const), request: index, change })],
  [2, fc.record({ do: fc.constant('save' as const), request: index })],
  [
    3,
    fc.record({
      do: fc.constant('end' as const),
      request: index,
      status: fc.constantFrom(200, 200, 200, 404, 500),
      late: mostly(false),
    }),
  ],
  [2, fc.record({ do: fc.constant('end together' as const), process })],
  [2, fc.record({ do: fc.constant('deliver' as const), answer: index })],
  [1, fc.record({ do: fc.constant('lose' as const), answer: index })],
  [1, fc.constant<Step>({ do: 'revoke' })],
  [
    1,
    fc.constantFrom(1_000, 61_000, -1_000, 7_200_000).map((move): Step => ({ do: 'clock', move })),
  ],
  [1, fc.constantFrom('save', 'create').map((verb): Step => ({ do: 'fail', verb }))],
)

/** Most of what can go wrong needs a session that is there. */
const firstVisit: readonly Step[] = [
  { do: 'begin', process: 0, hasCookie: false },
  { do: 'change', request: 0, change: { type: 'set', key: 'name', value: '' } },
  { do: 'end', request: 0, status: 200, late: false },
]

export const schedule: fc.Arbitrary<readonly Step[]> = fc
  .array(step, { maxLength: 60, size: 'max' })
  .map((steps) => [...firstVisit, ...steps])

function weighted<T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))
}

function mostly(value: boolean): fc.Arbitrary<boolean> {
  return fc.constantFrom(value, value, value, !value)
}
