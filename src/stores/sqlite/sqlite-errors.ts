// https://sqlite.org/rescode.html: the low byte of a result code is its primary code.
const PRIMARY_CODES: Readonly<Record<string, number>> = {
  SQLITE_ERROR: 1,
  SQLITE_BUSY: 5,
  SQLITE_LOCKED: 6,
  SQLITE_READONLY: 8,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_PROTOCOL: 15,
  SQLITE_TOOBIG: 18,
  SQLITE_CONSTRAINT: 19,
  SQLITE_MISMATCH: 20,
  SQLITE_RANGE: 25,
  SQLITE_NOTADB: 26,
}

/**
 * The primary result code of a driver's error; `undefined` where the error is not SQLite's.
 * `node:sqlite` tells the number as `errcode`, libsql as `rawCode`, Bun as `errno`; better-sqlite3
 * tells only a name such as `SQLITE_BUSY_SNAPSHOT`.
 */
export function primaryCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { errcode, rawCode, errno, code } = error as Record<string, unknown>
  const number = errcode ?? rawCode ?? errno
  if (typeof number === 'number') return number & 0xff
  if (typeof code !== 'string') return undefined
  return PRIMARY_CODES[code.split('_', 2).join('_')]
}

/** The lock that is needed is held, by another connection or by the user of this one: wait. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error)
  if (code === 5 || code === 6 || code === 15) return true
  return isOpenTransaction(error) || isOpenIterator(error)
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
  const code = primaryCode(error)
  return code === undefined || code === 18 || code === 19 || code === 20 || code === 25
}

/** The disk is full: what needs less room may still fit. */
export function isFull(error: unknown): boolean {
  return primaryCode(error) === 13
}

/** What is there is no SQLite database, or is encrypted. */
export function isNoDatabase(error: unknown): boolean {
  return primaryCode(error) === 26
}

/** The file, or the folder that the journal needs, cannot be opened or written. */
export function isNotWritable(error: unknown): boolean {
  const code = primaryCode(error)
  return code === 8 || code === 14
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
