import {
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto'

/** The cookie's value, taken apart. */
export interface SessionToken {
  readonly id: string
  /** Never stored, never logged. */
  readonly secret: string
}

/** `id.secret`: 36 + 1 + 43 characters, none of which needs an escape in a cookie. */
export const TOKEN_LENGTH = 80

const TOKEN =
  /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})$/

export function parseToken(value: string): SessionToken | null {
  if (value.length !== TOKEN_LENGTH) return null
  const match = TOKEN.exec(value)
  return match === null ? null : { id: match[1] as string, secret: match[2] as string }
}

export function formatToken(token: SessionToken): string {
  return `${token.id}.${token.secret}`
}

// Random bytes are drawn for many tokens at once: one system call for 128 secrets. They are spelt
// out where they are and wiped, so that no copy is left in the buffer pool that all of Node shares.
const pool = Buffer.alloc(4096)
let poolOffset = pool.length

function drawRandom(byteCount: number, spell: (bytes: Buffer) => string): string {
  if (poolOffset + byteCount > pool.length) {
    randomFillSync(pool)
    poolOffset = 0
  }
  const bytes = pool.subarray(poolOffset, poolOffset + byteCount)
  poolOffset += byteCount
  const text = spell(bytes)
  bytes.fill(0)
  return text
}

/** 256 bits from the system's generator, base64url. */
export function createSecret(): string {
  return drawRandom(32, (bytes) => bytes.toString('base64url'))
}

/** The last moment, in epoch milliseconds, that a UUIDv7 can tell. */
const LATEST_TIME = 2 ** 48 - 1

/** A UUIDv7 (RFC 9562, 5.7): 48 bits of time, then random. Rows of one time lie together. */
export function createSessionId(now: number): string {
  const hex = drawRandom(16, (bytes) => {
    // A clock outside of the 48 bits is wrong, but no reason to refuse a session.
    bytes.writeUIntBE(Math.min(Math.max(now, 0), LATEST_TIME), 0, 6)
    bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f)
    bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f)
    return bytes.toString('hex')
  })
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A secret known to the server only, mixed into each stored hash. */
export type Pepper = string | Uint8Array

interface NamedPepper {
  readonly prefix: string
  readonly key: KeyObject
}

const UNPEPPERED = 'sha256:'

/** Why a presented secret could not be compared with a stored hash. */
export type SecretMatch = 'match' | 'mismatch' | 'unusable'

/**
 * Makes and checks the stored hashes: `sha256:<digest>`, or `hmac-sha256:<pepper's name>:<digest>`
 * with a pepper. A fast hash is right here: the secret has 256 random bits, so there is nothing to
 * guess (slow hashes are for secrets that a person chose).
 */
export class SecretHasher {
  readonly #peppers: readonly NamedPepper[]
  readonly #pepperOnly: boolean

  /** @param peppers newest first: the first one makes new hashes, all of them check. */
  constructor(peppers: readonly Pepper[] = [], pepperOnly = false) {
    this.#peppers = peppers.map(namedPepper)
    this.#pepperOnly = pepperOnly
  }

  hash(secret: string): string {
    const newest = this.#peppers[0]
    return newest === undefined
      ? UNPEPPERED + sha256(secret)
      : newest.prefix + hmacSha256(newest.key, secret)
  }

  /** `'unusable'`: made with a pepper that is not configured, or without one under `pepperOnly`. */
  compare(secret: string, storedHash: string): SecretMatch {
    const expected = this.#hashLike(storedHash, secret)
    if (expected === null) return 'unusable'
    return equalInConstantTime(expected, storedHash) ? 'match' : 'mismatch'
  }

  /** Whether a hash was made with an older pepper or none, and should be made anew. */
  isOutdated(storedHash: string): boolean {
    return !storedHash.startsWith(this.#peppers[0]?.prefix ?? UNPEPPERED)
  }

  #hashLike(storedHash: string, secret: string): string | null {
    if (storedHash.startsWith(UNPEPPERED)) {
      return this.#pepperOnly ? null : UNPEPPERED + sha256(secret)
    }
    const pepper = this.#peppers.find(({ prefix }) => storedHash.startsWith(prefix))
    return pepper === undefined ? null : pepper.prefix + hmacSha256(pepper.key, secret)
  }
}

function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}

function hmacSha256(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

/** Named in the stored hashes without giving anything of it away. */
function namedPepper(pepper: Pepper): NamedPepper {
  // A copy: apps may wipe the bytes that they passed in.
  const key = typeof pepper === 'string' ? createSecretKey(pepper, 'utf8') : createSecretKey(pepper)
  const name = hmacSha256(key, 'sessile: the name of this pepper').slice(0, 8)
  return { prefix: `hmac-sha256:${name}:`, key }
}

function equalInConstantTime(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}
