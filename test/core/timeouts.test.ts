import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { SessionOptionsError } from '../../src/core/errors.ts'
import { type Duration, toMilliseconds } from '../../src/core/timeouts.ts'

const HUNDRED_YEARS = 100 * 366 * 86_400_000

suite('a duration', () => {
  const durations: [Duration, number][] = [
    ['1ms', 1],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['8h', 28_800_000],
    ['31d', 2_678_400_000],
    ['2w', 1_209_600_000],
    ['1.5h', 5_400_000],
    ['0.25s', 250],
    ['0.000001h', 4],
    ['0.5ms', 1],
    ['007s', 7000],
    ['36600d', HUNDRED_YEARS],
    [{ milliseconds: 1 }, 1],
    [{ seconds: 2 }, 2000],
    [{ minutes: 30 }, 1_800_000],
    [{ hours: 1.5 }, 5_400_000],
    [{ days: 1 }, 86_400_000],
    [{ weeks: 1 }, 604_800_000],
    [{ hours: 1, minutes: 30, seconds: 1, milliseconds: 1 }, 5_401_001],
    [{ hours: 0, minutes: 1 }, 60_000],
  ]
  for (const [duration, milliseconds] of durations) {
    test(`of ${inspect(duration)} is ${milliseconds} milliseconds`, () => {
      assert.equal(toMilliseconds(duration), milliseconds)
    })
  }

  test('is a whole number of milliseconds, whatever fraction is given', () => {
    const counts = fc.double({ min: 0.01, max: 10_000, noNaN: true })
    fc.assert(
      fc.property(counts, fc.constantFrom('s', 'm', 'h'), (count, unit) => {
        assert.ok(Number.isSafeInteger(toMilliseconds(`${count.toFixed(6)}${unit}` as Duration)))
        assert.ok(Number.isSafeInteger(toMilliseconds({ seconds: count })))
      }),
    )
  })
})

suite('no duration', () => {
  const refused: unknown[] = [
    ...[0, 30, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1n],
    ...[
      '',
      ' ',
      '30',
      'm',
      '30 m',
      ' 30m',
      '30m ',
      '30m\n',
      '+30m',
      '-30m',
      '30M',
      '30min',
      '30mins',
    ],
    ...['0s', '0.4ms', '.5h', '5.h', '1e3s', '0x10s', '1,5h', '1_000s', '1h30m', '٣s', 'Infinityd'],
    ...['36601d', '9999999999999w', `${'9'.repeat(400)}d`, 'PT30M', '1y'],
    ...[null, undefined, true, Symbol('30m'), () => '30m', new Date(0), new Map(), []],
    ...[{}, { minutes: 0 }, { minutes: -1 }, { hours: 1, minutes: -1 }, { minutes: Number.NaN }],
    ...[
      { minutes: Number.POSITIVE_INFINITY },
      { minutes: '30' },
      { minutes: 1n },
      { minutes: undefined },
    ],
    ...[
      { minute: 30 },
      { years: 1 },
      { Minutes: 30 },
      { toString: 1 },
      { weeks: 1e9 },
      ['30m'],
      [30],
    ],
  ]
  for (const duration of refused) {
    test(`is ${inspect(duration).slice(0, 50)}, and the message says what is`, () => {
      assert.throws(
        () => toMilliseconds(duration as Duration, 'idleTimeout'),
        (error) => {
          assert.ok(error instanceof SessionOptionsError)
          assert.match(
            error.message,
            /^idleTimeout: .* is not a duration\. Give a text such as '30m'/,
          )
          assert.ok(error.message.length < 400)
          return true
        },
      )
    })
  }

  test('is a bare number, and the message calls it that', () => {
    for (const [number, text] of [
      [600, '600'],
      [Number.NaN, 'NaN'],
    ] as const) {
      assert.throws(() => toMilliseconds(number as unknown as Duration), {
        message: new RegExp(`^duration: the bare number ${text} is`),
      })
    }
  })

  test('is a part that is not a number, and the message shows it', () => {
    assert.throws(() => toMilliseconds({ minutes: Number.NaN }), /\{ minutes: NaN \}/)
  })
})
