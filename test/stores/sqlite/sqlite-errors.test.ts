import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isBusy,
  isFull,
  isNoDatabase,
  isNotWritable,
  isOwnFault,
} from '../../../src/stores/sqlite/sqlite-errors.ts'

// What each driver throws, seen with Node.js 26, better-sqlite3 13, libsql 0.5 and Bun 1.4.
const shapes = {
  'node:sqlite': (code: number) => ({ code: 'ERR_SQLITE_ERROR', errcode: code }),
  'better-sqlite3': (_: number, name: string) => ({ code: name }),
  libsql: (code: number, name: string) => ({ code: name, rawCode: code }),
  'libsql, where it lacks the name': (code: number) => ({
    code: `UNKNOWN_SQLITE_ERROR_${code}`,
    rawCode: code,
  }),
  'bun:sqlite': (code: number, name: string) => ({ code: name, errno: code }),
}

const kinds = { isBusy, isFull, isNoDatabase, isNotWritable, isOwnFault }

const errors: [code: number, name: string, kind: keyof typeof kinds | undefined][] = [
  [5, 'SQLITE_BUSY', 'isBusy'],
  [261, 'SQLITE_BUSY_RECOVERY', 'isBusy'],
  [517, 'SQLITE_BUSY_SNAPSHOT', 'isBusy'],
  [6, 'SQLITE_LOCKED', 'isBusy'],
  [262, 'SQLITE_LOCKED_SHAREDCACHE', 'isBusy'],
  [15, 'SQLITE_PROTOCOL', 'isBusy'],
  [13, 'SQLITE_FULL', 'isFull'],
  [26, 'SQLITE_NOTADB', 'isNoDatabase'],
  [8, 'SQLITE_READONLY', 'isNotWritable'],
  [1032, 'SQLITE_READONLY_DBMOVED', 'isNotWritable'],
  [14, 'SQLITE_CANTOPEN', 'isNotWritable'],
  [18, 'SQLITE_TOOBIG', 'isOwnFault'],
  [1555, 'SQLITE_CONSTRAINT_PRIMARYKEY', 'isOwnFault'],
  [3091, 'SQLITE_CONSTRAINT_DATATYPE', 'isOwnFault'],
  [20, 'SQLITE_MISMATCH', 'isOwnFault'],
  [25, 'SQLITE_RANGE', 'isOwnFault'],
  [1, 'SQLITE_ERROR', undefined],
  [7, 'SQLITE_NOMEM', undefined],
  [9, 'SQLITE_INTERRUPT', undefined],
  [10, 'SQLITE_IOERR', undefined],
  [778, 'SQLITE_IOERR_WRITE', undefined],
  [11, 'SQLITE_CORRUPT', undefined],
  [779, 'SQLITE_CORRUPT_INDEX', undefined],
]

for (const [driver, shape] of Object.entries(shapes)) {
  test(`an error of ${driver} is of the kind that its code says`, () => {
    for (const [code, name, expected] of errors) {
      const error = Object.assign(new Error(name), shape(code, name))
      const actual = Object.entries(kinds).filter(([, is]) => is(error))
      assert.deepEqual(
        actual.map(([kind]) => kind),
        expected === undefined ? [] : [expected],
        name,
      )
    }
  })
}

test('an error that is not of SQLite is the fault of the value that was to be stored', () => {
  assert.ok(isOwnFault(new TypeError('Provided value cannot be bound to SQLite parameter 3.')))
  assert.ok(isOwnFault(Object.assign(new RangeError(), { code: 'ERR_OUT_OF_RANGE' })))
  assert.ok(!isBusy(undefined))
  assert.ok(!isBusy('database is locked'))
})
