import { StoreSetupError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'

/**
 * A record is one string: the digit of the format, eight numbers of sixteen digits, a line of JSON
 * with the other fields, and the payload. The numbers have fixed places, so that a script reads and
 * changes them without touching the payload.
 *
 * `1 <numbers> [<principal>,<secretHash>,...]\n<t or b><payload>`
 */
export const FORMAT = '1 '

/** Where the digits of each number begin. */
export const PLACES = {
  version: 2,
  lastSeenAt: 19,
  idleTimeout: 36,
  expiresAt: 53,
  absoluteExpiresAt: 70,
  createdAt: 87,
  /** The moment under which the review index lists it for walks over all sessions. */
  listedAt: 104,
  /** When a sweep looks at it next. */
  reviewAt: 121,
} as const

/** The length of all that: each number is followed by a space. */
export const HEAD_LENGTH = 138

/** What a stored record has beside its session. */
export interface ReviewTimes {
  readonly expiresAt: number
  readonly listedAt: number
  readonly reviewAt: number
}

/** A record that is to be reviewed at its deadline. */
export function encodeRecord(record: SessionRecord): string {
  const { version, lastSeenAt, idleTimeout, expiresAt, absoluteExpiresAt, createdAt, data } = record
  const { principal, secretHash, previousSecretHash, previousSecretUntil } = record
  const { persistent, userAgent, ip } = record
  const deadline = digits(expiresAt)
  return `${FORMAT}${digits(version)} ${digits(lastSeenAt)} ${digits(idleTimeout)} ${deadline} ${digits(
    absoluteExpiresAt,
  )} ${digits(createdAt)} ${deadline} ${deadline} ${JSON.stringify([
    principal,
    secretHash,
    previousSecretHash,
    previousSecretUntil,
    persistent ? 1 : 0,
    userAgent,
    ip,
  ])}\n${typeof data === 'string' ? `t${data}` : `b${Buffer.from(data).toString('base64')}`}`
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
export function decodeRecord(id: string, stored: string): SessionRecord {
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
  return {
    id,
    secretHash,
    previousSecretHash,
    previousSecretUntil,
    principal,
    // Not the buffer itself: a small one is a view of memory that others use, too.
    data: stored[lineEnd + 1] === 't' ? payload : new Uint8Array(Buffer.from(payload, 'base64')),
    version: numberAt(stored, PLACES.version),
    createdAt: numberAt(stored, PLACES.createdAt),
    lastSeenAt: numberAt(stored, PLACES.lastSeenAt),
    idleTimeout: numberAt(stored, PLACES.idleTimeout),
    absoluteExpiresAt: numberAt(stored, PLACES.absoluteExpiresAt),
    expiresAt: numberAt(stored, PLACES.expiresAt),
    persistent: persistent === 1,
    userAgent,
    ip,
  }
}

/** The times that a sweep or a walk has to know; the beginning of a record is enough. */
export function decodeTimes(stored: string): ReviewTimes {
  return {
    expiresAt: numberAt(stored, PLACES.expiresAt),
    listedAt: numberAt(stored, PLACES.listedAt),
    reviewAt: numberAt(stored, PLACES.reviewAt),
  }
}

/** Sixteen digits, so that texts are in the order of their numbers. */
export function digits(number: number): string {
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new TypeError(`A session record holds whole numbers from 0 on, not ${number}.`)
  }
  return String(number).padStart(16, '0')
}

function numberAt(stored: string, place: number): number {
  return Number(stored.slice(place, place + 16))
}
