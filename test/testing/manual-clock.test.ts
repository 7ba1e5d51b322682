import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionOptionsError } from '../../src/core/errors.ts'
import type { Duration } from '../../src/core/timeouts.ts'
import { manualClock } from '../../src/testing.ts'

test('a manual clock begins in 2026 and stands still', () => {
  const clock = manualClock()
  assert.equal(new Date(clock.now()).toISOString(), '2026-01-01T00:00:00.000Z')
  assert.equal(clock.now(), clock.now())
})

test('a manual clock begins at the moment that is given', () => {
  assert.equal(manualClock(1_234).now(), 1_234)
  assert.equal(manualClock(0).now(), 0)
})

test('advance moves a manual clock forward by a duration', () => {
  const clock = manualClock(1_000)
  clock.advance('500ms')
  assert.equal(clock.now(), 1_500)
  clock.advance({ minutes: 1, seconds: 1 })
  assert.equal(clock.now(), 62_500)
})

test('advance takes no bare number and never moves back', () => {
  const clock = manualClock(1_000)
  for (const wrong of [500, '-5m', '', '5', null]) {
    assert.throws(() => clock.advance(wrong as Duration), SessionOptionsError)
  }
  assert.equal(clock.now(), 1_000)
})

test('set moves a manual clock to a moment, also back', () => {
  const clock = manualClock(1_000)
  clock.set(5)
  assert.equal(clock.now(), 5)
})

test('a manual clock shows integer milliseconds only', () => {
  assert.throws(() => manualClock(Number.NaN), RangeError)
  assert.throws(() => manualClock(1.5), RangeError)
  const clock = manualClock(1_000)
  assert.throws(() => clock.set(Number.POSITIVE_INFINITY), RangeError)
  assert.equal(clock.now(), 1_000)
})

test('clocks are independent', () => {
  const [first, second] = [manualClock(1), manualClock(1)]
  first.advance('1ms')
  assert.equal(second.now(), 1)
})
