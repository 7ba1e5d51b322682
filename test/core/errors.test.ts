import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as errors from '../../src/core/errors.ts'
import { SessionError, shown } from '../../src/core/errors.ts'

const cause = new Error('the connection was reset')

// The codes are API: this list is only ever added to.
const thrown: [error: SessionError, name: string, code: string, status: number][] = [
  [new errors.SessionOptionsError('m'), 'SessionOptionsError', 'ERR_SESSION_OPTIONS', 500],
  [new errors.StoreSetupError('m', { cause }), 'StoreSetupError', 'ERR_SESSION_STORE_SETUP', 500],
  [
    new errors.StoreUnavailableError('m', { cause }),
    'StoreUnavailableError',
    'ERR_SESSION_STORE_UNAVAILABLE',
    503,
  ],
  [new errors.SessionConflictError('m'), 'SessionConflictError', 'ERR_SESSION_CONFLICT', 503],
  [new errors.SessionGoneError('m'), 'SessionGoneError', 'ERR_SESSION_GONE', 409],
  [new errors.SessionLimitError('m'), 'SessionLimitError', 'ERR_SESSION_LIMIT', 409],
  [new errors.HeadersSentError('m'), 'HeadersSentError', 'ERR_SESSION_HEADERS_SENT', 500],
  [
    new errors.SessionAccessError('ERR_SESSION_NO_CONTEXT', 'm'),
    'SessionAccessError',
    'ERR_SESSION_NO_CONTEXT',
    500,
  ],
  [
    new errors.SessionAccessError('ERR_SESSION_NOT_LOADED', 'm'),
    'SessionAccessError',
    'ERR_SESSION_NOT_LOADED',
    500,
  ],
  [
    new errors.SessionDataError('ERR_SESSION_DATA_TYPE', 'm', 'cart[2].price'),
    'SessionDataError',
    'ERR_SESSION_DATA_TYPE',
    500,
  ],
]

suite('an error', () => {
  for (const [error, name, code, status] of thrown) {
    test(`of ${name} has the code ${code} and the status ${status}`, () => {
      assert.ok(error instanceof SessionError)
      assert.ok(error instanceof Error)
      assert.equal(error.name, name)
      assert.equal(error.code, code)
      assert.equal(error.status, status)
      assert.equal(error.statusCode, status)
      assert.equal(error.message, 'm')
      assert.match(error.stack ?? '', new RegExp(`^${name}|^Error: m`))
    })
  }

  test('of the database is the cause of ours', () => {
    assert.equal(new errors.StoreUnavailableError('m', { cause }).cause, cause)
    assert.equal(new errors.StoreSetupError('m', { cause }).cause, cause)
    assert.equal('cause' in new errors.StoreUnavailableError('m'), false)
    assert.equal('cause' in new errors.SessionGoneError('m'), false)
  })

  test('of the data names the place', () => {
    const error = new errors.SessionDataError('ERR_SESSION_DATA_TYPE', 'm', 'cart[2].price')
    assert.equal(error.path, 'cart[2].price')
  })

  test('exists only in classes that this test knows', () => {
    const classes = Object.values(errors).filter((value) => String(value).startsWith('class '))
    const known = new Set<unknown>([SessionError, ...thrown.map(([error]) => error.constructor)])
    assert.deepEqual(
      classes.filter((one) => !known.has(one)),
      [],
    )
  })
})

suite('an option in a message', () => {
  test('is shown as it would be written', () => {
    assert.equal(shown('text'), "'text'")
    assert.equal(shown({ minutes: Number.NaN }), '{ minutes: NaN }')
    assert.deepEqual([5n, null, undefined, Symbol('x')].map(shown), [
      '5n',
      'null',
      'undefined',
      'Symbol(x)',
    ])
  })

  test('takes one short line', () => {
    for (const long of [
      'x'.repeat(1000),
      'line\nfeed',
      Array(1000).fill('x'),
      { a: { b: { c: 1 } } },
    ]) {
      assert.ok(shown(long).length <= 101)
      assert.ok(!shown(long).includes('\n'))
    }
  })
})
