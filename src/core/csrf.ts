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
  return Buffer.concat([mask, xor(mask, Buffer.from(seed, 'base64url'))]).toString('base64url')
}

export function csrfTokenMatches(token: string, seed: string): boolean {
  const bytes = Buffer.from(token, 'base64url')
  const expected = Buffer.from(seed, 'base64url')
  if (bytes.length !== 2 * SEED_BYTES || expected.length !== SEED_BYTES) return false
  const unmasked = xor(bytes.subarray(0, SEED_BYTES), bytes.subarray(SEED_BYTES))
  return timingSafeEqual(unmasked, expected)
}

/**
 * Whether a request is safe as it is, and the token in its header, if any. An upgrade is not safe
 * although it is a GET: a WebSocket of another site carries our cookie, and no same-origin policy
 * keeps it from reading the answers.
 */
export function judgeCsrf(request: CsrfRequest): { safe: boolean; token: string | null } {
  const site = header(request, 'sec-fetch-site')
  const sameOrigin = site === 'same-origin' || site === 'none'
  const isRead = SAFE_METHODS.has(request.method ?? '') && header(request, 'upgrade') === null
  return { safe: sameOrigin || isRead, token: header(request, 'x-csrf-token') }
}

function header({ headers }: CsrfRequest, name: string): string | null {
  if (typeof headers.get === 'function') return headers.get(name)
  const value = (headers as Record<string, string | readonly string[] | undefined>)[name]
  return typeof value === 'object' ? value.join(', ') : (value ?? null)
}

function xor(left: Uint8Array, right: Uint8Array): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] as number)))
}
