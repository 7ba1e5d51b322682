import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import { EventEmitter, RateLimiter, type SessionEvent } from '../../src/core/events.ts'

const error = new StoreUnavailableError('The store failed to load.')
const warnings: [event: SessionEvent, line: RegExp][] = [
  [{ type: 'insecure-transport', message: 'over plain HTTP' }, /^sessile: over plain HTTP$/],
  [{ type: 'cache-control-replaced', message: 'no-store' }, /^sessile: no-store$/],
  [{ type: 'unreadable', id: 'an-id', newerFormat: false }, /session an-id cannot be read/],
  [
    { type: 'late-change', id: null, keys: ['a', 'b'] },
    /not stored: \["a","b"\]\. Change them earlier/,
  ],
  [{ type: 'store-error', verb: 'load', error }, /failed to load: The store failed to load\./],
]
const silent: SessionEvent[] = [
  { type: 'created', id: 'an-id', principal: null },
  { type: 'saved', id: 'an-id' },
  { type: 'conflict', id: 'an-id', attempt: 1 },
  { type: 'rejected', id: 'an-id', reason: 'unknown-id' },
  { type: 'dropped', id: 'an-id', reason: 'gone' },
  { type: 'swept', count: 1, durationMs: 1 },
]

/** The log, and the clock by which its lines are rationed. */
function watchLog(t: TestContext): { lines: string[]; advance(milliseconds: number): void } {
  let now = 1000
  const lines: string[] = []
  t.mock.method(performance, 'now', () => now)
  t.mock.method(console, 'warn', (line: string) => lines.push(line))
  return {
    lines,
    advance(milliseconds) {
      now += milliseconds
    },
  }
}

suite('without a listener', () => {
  for (const [event, line] of warnings) {
    test(`${event.type} is a line in the log, at most once a minute`, (t) => {
      const { lines, advance } = watchLog(t)
      const emitter = new EventEmitter(undefined)
      for (let second = 0; second < 60; second++) {
        emitter.emit(event)
        advance(999)
      }
      assert.equal(lines.length, 1)
      assert.match(lines[0] as string, line)
      advance(60)
      emitter.emit(event)
      assert.equal(lines.length, 2)
    })
  }

  test('one kind of warning does not keep another one back', (t) => {
    const { lines } = watchLog(t)
    const emitter = new EventEmitter(undefined)
    for (const [event] of [...warnings, ...warnings]) emitter.emit(event)
    assert.equal(lines.length, warnings.length)
  })

  test('the log shows nothing of ordinary life', (t) => {
    const { lines } = watchLog(t)
    const emitter = new EventEmitter(undefined)
    for (const event of silent) emitter.emit(event)
    assert.deepEqual(lines, [])
  })

  test('a key with a line feed in it does not forge a line of the log', (t) => {
    const { lines } = watchLog(t)
    new EventEmitter(undefined).emit({ type: 'late-change', id: null, keys: ['a\nsessile: b'] })
    assert.equal(lines[0]?.includes('\n'), false)
  })
})

suite('with a listener', () => {
  test('it is told of every event, each time, and the log of none', (t) => {
    const { lines } = watchLog(t)
    const told: SessionEvent[] = []
    const emitter = new EventEmitter((event) => told.push(event))
    const events = [...warnings.map(([event]) => event), ...silent]
    for (const event of [...events, ...events]) emitter.emit(event)
    assert.deepEqual(told, [...events, ...events])
    assert.deepEqual(lines, [])
  })

  test('whatever it throws goes to the log', (t) => {
    const logged: unknown[][] = []
    t.mock.method(console, 'error', (...line: unknown[]) => logged.push(line))
    for (const thrown of [new Error('x'), 'a text', undefined, null]) {
      const emitter = new EventEmitter(() => {
        throw thrown
      })
      emitter.emit({ type: 'saved', id: 'an-id' })
      assert.deepEqual(logged.pop(), ['sessile: onEvent threw:', thrown])
    }
  })
})

suite('a rate limiter', () => {
  const NOW = Date.UTC(2026, 0, 1)

  test('lets one event per subject and minute through', () => {
    const limiter = new RateLimiter()
    assert.equal(limiter.allows('a', NOW), true)
    assert.equal(limiter.allows('a', NOW), false)
    assert.equal(limiter.allows('b', NOW), true)
    assert.equal(limiter.allows('a', NOW + 59_999), false)
    assert.equal(limiter.allows('a', NOW + 60_000), true)
    assert.equal(limiter.allows('a', NOW + 119_999), false)
  })

  test('is not silent for ever after a clock that was set back', () => {
    const limiter = new RateLimiter()
    limiter.allows('a', NOW + 86_400_000)
    assert.equal(limiter.allows('a', NOW), true)
  })

  test('remembers the last thousand subjects only', () => {
    const limiter = new RateLimiter()
    for (let subject = 0; subject < 1000; subject++) limiter.allows(`${subject}`, NOW)
    assert.equal(limiter.allows('0', NOW), false)
    assert.equal(limiter.allows('999', NOW), false)
    assert.equal(limiter.allows('another', NOW), true)
    assert.equal(limiter.allows('1', NOW), false)
    assert.equal(limiter.allows('0', NOW), true)
  })

  test('remembers no more of them after very many', () => {
    const limiter = new RateLimiter()
    for (let subject = 0; subject < 100_000; subject++) limiter.allows(`${subject}`, NOW)
    for (let subject = 99_000; subject < 100_000; subject++) {
      assert.equal(limiter.allows(`${subject}`, NOW), false)
    }
    assert.equal(limiter.allows('98999', NOW), true)
  })
})
