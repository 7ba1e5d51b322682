// https://sqlite.org/rescode.html: the low byte of a result code is its primary code.
const ERROR = 1
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const FULL = 13
const CANTOPEN = 14
const PROTOCOL = 15
const TOOBIG = 18
const CONSTRAINT = 19
const MISMATCH = 20
const RANGE = 25
const NOTADB = 26

const CODES_BY_NAME: ReadonlyMap<string, number> = new Map(
  Object.entries({
    BUSY,
    LOCKED,
    READONLY,
    FULL,
    CANTOPEN,
    PROTOCOL,
    TOOBIG,
    CONSTRAINT,
    MISMATCH,
    RANGE,
    NOTADB,
  }),
)

/**
 * The primary result code of a driver's error; `undefined` where the error is not SQLite's.
 * `node:sqlite` tells the number as `errcode`, libsql as `rawCode`, Bun as `errno`; better-sqlite3
 * tells only a name such as `SQLITE_BUSY_SNAPSHOT`. Names that make no difference are `ERROR`.
 */
function primaryCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { errcode, rawCode, errno, code } = error as Record<string, unknown>
  const number = errcode ?? rawCode ?? errno
  if (typeof number === 'number') return number & 0xff
  const [prefix, name = ''] = typeof code === 'string' ? code.split('_') : []
  return prefix === 'SQLITE' ? (CODES_BY_NAME.get(name) ?? ERROR) : undefined
}

/** The lock that is needed is held, by another connection or by the user of this one: wait. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, BUSY, LOCKED, PROTOCOL) || isOpenTransaction(error) || isOpenIterator(error)
}

/** The user of the client is inside a transaction, in which nothing of ours may be written. */
export function isOpenTransaction(error: unknown): boolean {
  return messageOf(error).includes('within a transaction')
}

/** The user of a better-sqlite3 client is inside an `iterate()`; its error has no code. */
function isOpenIterator(error: unknown): boolean {
  return messageOf(error).includes('connection is busy executing a query')
}

/**
 * A value that this write brought cannot be stored: too big, of a foreign type, against a
 * constraint. Other writes are not affected.
 */
export function isOwnFault(error: unknown): boolean {
  return hasCode(error, undefined, TOOBIG, CONSTRAINT, MISMATCH, RANGE)
}

/** The disk is full: what needs less room may still fit. */
export function isFull(error: unknown): boolean {
  return hasCode(error, FULL)
}

/** What is there is no SQLite database, or is encrypted. */
export function isNoDatabase(error: unknown): boolean {
  return hasCode(error, NOTADB)
}

/** The file, or the folder that the journal needs, cannot be opened or written. */
export function isNotWritable(error: unknown): boolean {
  return hasCode(error, READONLY, CANTOPEN)
}

function hasCode(error: unknown, ...codes: readonly (number | undefined)[]): boolean {
  return codes.includes(primaryCode(error))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
