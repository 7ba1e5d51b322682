import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { CsrfRequest } from './session.ts'

const SEED_BYTES = 32
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A token for a form: the seed hidden behind a fresh mask, so that a compressed page does not give
 * it away bit by bit (the BREACH attack).
 */
export function csrfTokenFor(seed: string): string {
  const mask = randomBytes(SEED_BYTES)
  return Buffer.concat([mask, xor(mask, seedBytes(seed))]).toString('base64url')
}

export function csrfTokenMatches(token: string, seed: string): boolean {
  const bytes = Buffer.from(token, 'base64url')
  if (bytes.length !== 2 * SEED_BYTES) return false
  const unmasked = xor(bytes.subarray(0, SEED_BYTES), bytes.subarray(SEED_BYTES))
  return timingSafeEqual(unmasked, seedBytes(seed))
}

/**
 * What the request says of itself: `'safe'` may pass, `'token-needed'` comes with the token of its
 * header, if any. An upgrade is not safe although it is a GET: a WebSocket of another site carries
 * our cookie, and no same-origin policy keeps it from reading the answers.
 */
export function judgeCsrf(request: CsrfRequest): { safe: boolean; token: string | null } {
  const method = (request.method ?? 'GET').toUpperCase()
  const site = header(request, 'sec-fetch-site')
  const sameOrigin = site === 'same-origin' || site === 'none'
  const safe = sameOrigin || (SAFE_METHODS.has(method) && header(request, 'upgrade') === null)
  return { safe, token: header(request, 'x-csrf-token') }
}

function header({ headers }: CsrfRequest, name: string): string | null {
  if (typeof headers.get === 'function') return headers.get(name)
  const value = (headers as Record<string, string | readonly string[] | undefined>)[name]
  return typeof value === 'string' ? value : null
}

function seedBytes(seed: string): Buffer {
  const bytes = Buffer.alloc(SEED_BYTES)
  bytes.write(seed, 'base64url')
  return bytes
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] as number)))
}
