import { StoreSetupError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'

/**
 * A record is one string: the digit of the format, eight numbers of sixteen digits, a line of JSON
 * with the other fields, and the payload. The numbers have fixed places, so that a script reads and
 * changes them without touching the payload. The same places are in redis-scripts.
 *
 * `1 <version> <lastSeenAt> <idleTimeout> <expiresAt> <absoluteExpiresAt> <createdAt> <listedAt>
 * <reviewAt> [<principal>,<secretHash>,...]\n<t or b><payload>`
 */
export const FORMAT = '1 '

/** The length of the digit and the numbers. */
export const HEAD_LENGTH: number = FORMAT.length + 8 * 17

/** A record and its two places in the review index. */
export interface StoredRecord {
  readonly record: SessionRecord
  readonly listedAt: number
  readonly reviewAt: number
}

/** The part of a stored record that its writer decides: the line of fields and the payload. */
export function encodeBody(record: SessionRecord): string {
  const { principal, secretHash, previousSecretHash, previousSecretUntil } = record
  const { persistent, userAgent, ip, data } = record
  const fields = [
    principal,
    secretHash,
    previousSecretHash,
    previousSecretUntil,
    persistent ? 1 : 0,
    userAgent,
    ip,
  ]
  return `${JSON.stringify(fields)}\n${
    typeof data === 'string' ? `t${data}` : `b${Buffer.from(data).toString('base64')}`
  }`
}

/** A whole record that is due for review at its deadline. */
export function encodeRecord(record: SessionRecord): string {
  const { version, lastSeenAt, idleTimeout, expiresAt, absoluteExpiresAt, createdAt } = record
  const numbers = [
    version,
    lastSeenAt,
    idleTimeout,
    expiresAt,
    absoluteExpiresAt,
    createdAt,
    expiresAt,
    expiresAt,
  ]
  return `${FORMAT}${numbers.map(digits).join(' ')} ${encodeBody(record)}`
}

/** How the line of fields begins for sessions of this principal, and only for those. */
export function fieldsBegin(principal: string | null): string {
  return `[${JSON.stringify(principal)},`
}

/** The principal in a line of fields. */
export function principalIn(fields: string): string | null {
  return JSON.parse(fields)[0]
}

/** @throws StoreSetupError if it is not a record in this format. */
export function decodeRecord(id: string, stored: string): StoredRecord {
  const lineEnd = stored.indexOf('\n', HEAD_LENGTH)
  if (!stored.startsWith(FORMAT) || lineEnd === -1) {
    throw new StoreSetupError(
      'A key of Redis that should hold a session holds something else. Give redisStore a prefix ' +
        'that nothing else uses; or it was written by a newer version of sessile.',
    )
  }
  const [
    principal,
    secretHash,
    previousSecretHash,
    previousSecretUntil,
    persistent,
    userAgent,
    ip,
  ]: [
    principal: string | null,
    secretHash: string,
    previousSecretHash: string | null,
    previousSecretUntil: number | null,
    persistent: number,
    userAgent: string | null,
    ip: string | null,
  ] = JSON.parse(stored.slice(HEAD_LENGTH, lineEnd))
  const payload = stored.slice(lineEnd + 2)
  const record = {
    id,
    secretHash,
    previousSecretHash,
    previousSecretUntil,
    principal,
    // Not the buffer itself: a small one is a view of memory that others use, too.
    data: stored[lineEnd + 1] === 't' ? payload : new Uint8Array(Buffer.from(payload, 'base64')),
    version: numberAt(stored, 0),
    createdAt: numberAt(stored, 5),
    lastSeenAt: numberAt(stored, 1),
    idleTimeout: numberAt(stored, 2),
    absoluteExpiresAt: numberAt(stored, 4),
    expiresAt: numberAt(stored, 3),
    persistent: persistent === 1,
    userAgent,
    ip,
  }
  return { record, listedAt: numberAt(stored, 6), reviewAt: numberAt(stored, 7) }
}

/** The times of a record that a sweep has to know, from its numbers alone. */
export function decodeTimes(head: string): {
  readonly expiresAt: number
  readonly listedAt: number
  readonly reviewAt: number
} {
  return {
    expiresAt: numberAt(head, 3),
    listedAt: numberAt(head, 6),
    reviewAt: numberAt(head, 7),
  }
}

/** Sixteen digits, so that texts are in the order of their numbers. */
export function digits(number: number): string {
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new TypeError(`A session record holds whole numbers from 0 on, not ${number}.`)
  }
  return String(number).padStart(16, '0')
}

function numberAt(stored: string, index: number): number {
  const begin = FORMAT.length + index * 17
  return Number(stored.slice(begin, begin + 16))
}
