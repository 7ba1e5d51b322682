import { SessionDataError } from './errors.ts'
import { isJson, isObject, isPlainObject } from './plain-data.ts'
import { parseRich, type Serializer, stringifyRich } from './serializer.ts'

/** The version of the envelope that this code writes; all versions up to it can be read. */
export const FORMAT_VERSION = 1

export interface StoredFlash {
  readonly id: string
  readonly category: string
  readonly message: string
}

/** What a record's `data` holds: the session's data, and what sessile keeps beside it. */
export interface Payload {
  readonly data: Map<string, unknown>
  flash: readonly StoredFlash[]
  /** Random text from which CSRF tokens are made; `null` in a payload that is not stored yet. */
  csrfSeed: string | null
  /** When a timed rotation made the present secret. */
  rotatedAt: number | null
}

export function emptyPayload(): Payload {
  return { data: new Map(), flash: [], csrfSeed: null, rotatedAt: null }
}

/** A payload is empty when nothing in it is the app's; the seed alone does not count. */
export function isEmptyPayload(payload: Payload): boolean {
  return payload.data.size === 0 && payload.flash.length === 0
}

/** @throws SessionDataError with the path of a value that cannot be stored */
export function encodePayload(payload: Payload, serializer: Serializer): string | Uint8Array {
  let json = true
  for (const [key, value] of payload.data) json = isJson(value, key) && json
  // JSON keeps no object in two keys at once. The rich format would: after a load a change of one
  // key would change the other.
  const entries = json
    ? payload.data
    : [...payload.data].map(([key, value]) => [key, copyValue(value, key)] as const)
  const envelope = {
    v: FORMAT_VERSION,
    data: Object.fromEntries(entries),
    ...(payload.flash.length > 0 && { flash: payload.flash }),
    ...(payload.csrfSeed !== null && { csrf: payload.csrfSeed }),
    ...(payload.rotatedAt !== null && { rotatedAt: payload.rotatedAt }),
  }
  return serializer.stringify(envelope, json)
}

/** The payload, or why there is none: `'newer'` was written by a later version of sessile. */
export function decodePayload(
  stored: string | Uint8Array,
  serializer: Serializer,
): Payload | 'unreadable' | 'newer' {
  let envelope: unknown
  try {
    envelope = serializer.parse(stored)
  } catch {
    return 'unreadable'
  }
  if (!isRecord(envelope) || typeof envelope['v'] !== 'number') return 'unreadable'
  if (envelope['v'] > FORMAT_VERSION) return 'newer'
  const { data, flash = [], csrf = null, rotatedAt = null } = envelope
  if (envelope['v'] !== FORMAT_VERSION || !isRecord(data) || !isFlashList(flash))
    return 'unreadable'
  if (csrf !== null && typeof csrf !== 'string') return 'unreadable'
  if (rotatedAt !== null && typeof rotatedAt !== 'number') return 'unreadable'
  return { data: new Map(Object.entries(data)), flash, csrfSeed: csrf, rotatedAt }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isObject(value) && isPlainObject(value)
}

function isFlashList(value: unknown): value is StoredFlash[] {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) =>
        isRecord(entry) &&
        typeof entry['id'] === 'string' &&
        typeof entry['category'] === 'string' &&
        typeof entry['message'] === 'string',
    )
  )
}

/**
 * Checks a key and a value that a handler wants to keep.
 *
 * @throws SessionDataError if they cannot be stored
 */
export function checkEntry(key: string, value: unknown): void {
  if (typeof key !== 'string') {
    throw new SessionDataError('ERR_SESSION_DATA_TYPE', 'A session key must be a string.', '')
  }
  if (key === '__proto__') {
    throw new SessionDataError('ERR_SESSION_DATA_TYPE', 'No session key may be __proto__.', key)
  }
  isJson(value, key)
}

/**
 * A text that differs whenever the stored form of a value would: of an object that was handed out
 * and of its stored form, compared when the session is committed. Not made by the app's serializer,
 * which may encrypt, and so never give the same twice.
 */
export function fingerprint(value: unknown, key: string): string {
  return isJson(value, key) ? JSON.stringify(value) : `rich ${stringifyRich({ value })}`
}

/** A copy that shares nothing with the original: as if it had been stored and loaded. */
export function copyValue(value: unknown, key: string): unknown {
  if (!isObject(value)) return value
  return isJson(value, key) ? JSON.parse(JSON.stringify(value)) : parseRich(stringifyRich(value))
}
