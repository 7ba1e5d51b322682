import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { suite, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { csrfTokenFor, csrfTokenMatches, judgeCsrf } from '../../src/core/csrf.ts'
import type { CsrfRequest } from '../../src/core/session.ts'
import { createSecret } from '../../src/core/session-token.ts'

suite('a CSRF token', () => {
  const seed = createSecret()

  test('is another text each time, and all of them are accepted', () => {
    const tokens = Array.from({ length: 1000 }, () => csrfTokenFor(seed))
    assert.equal(new Set(tokens).size, 1000)
    for (const token of tokens) {
      assert.match(token, /^[A-Za-z0-9_-]{86}$/)
      assert.equal(csrfTokenMatches(token, seed), true)
    }
  })

  test('shows nothing of the seed, so that pages with it do not compress better', () => {
    const page = (guess: string) => gzipSync(csrfTokenFor(seed) + guess.repeat(20)).length
    const average = (guess: string) => {
      return Array.from({ length: 50 }, () => page(guess)).reduce((sum, size) => sum + size) / 50
    }
    assert.ok(Math.abs(average(seed) - average(createSecret())) < 6)
    const halves = Buffer.from(csrfTokenFor(seed), 'base64url')
    assert.ok(!halves.includes(Buffer.from(seed, 'base64url')))
  })

  test('of another session is refused', () => {
    assert.equal(csrfTokenMatches(csrfTokenFor(createSecret()), seed), false)
  })

  test('with any bit changed is refused', () => {
    const token = Buffer.from(csrfTokenFor(seed), 'base64url')
    for (let bit = 0; bit < 512; bit++) {
      const tampered = Buffer.from(token)
      tampered[bit >> 3] = (tampered[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.equal(csrfTokenMatches(tampered.toString('base64url'), seed), false)
    }
  })

  const token = csrfTokenFor(seed)
  const refused: Record<string, string> = {
    'that is empty': '',
    'that is one character short': token.slice(0, -1),
    'that is a byte long': `${token}AA`,
    'that is twice as long': token + token,
    'that is huge': token.repeat(10_000),
    'with its halves exchanged at the wrong place': token.slice(40) + token.slice(0, 40),
    'that is no base64': '%'.repeat(86),
    'that is the seed': seed,
    'that is the seed twice': seed + seed,
    'of zeros': 'A'.repeat(86),
  }
  for (const [which, text] of Object.entries(refused)) {
    test(`${which} is refused`, () => assert.equal(csrfTokenMatches(text, seed), false))
  }

  test('never matches a seed that is none', () => {
    for (const broken of ['', 'AAAA', 'A'.repeat(100), '!'.repeat(43)]) {
      assert.equal(csrfTokenMatches('A'.repeat(86), broken), false)
      assert.equal(csrfTokenMatches(csrfTokenFor(broken), broken), false)
    }
  })
})

suite('a request', () => {
  /** The same request as `node:http` and as the Web's classes show it. */
  function both(method: string, headers: Record<string, string> = {}): CsrfRequest[] {
    const incoming = new IncomingMessage(new Socket())
    incoming.method = method
    Object.assign(incoming.headers, headers)
    // The Web's own Request refuses to make requests with some of these headers and methods.
    return [incoming, { method, headers: new Headers(headers) }]
  }

  function verdicts(method: string, headers?: Record<string, string>): boolean[] {
    return both(method, headers).map((request) => judgeCsrf(request).safe)
  }

  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    test(`that is a ${method} passes from anywhere, unless it is an upgrade`, () => {
      assert.deepEqual(verdicts(method), [true, true])
      assert.deepEqual(verdicts(method, { 'sec-fetch-site': 'cross-site' }), [true, true])
      assert.deepEqual(verdicts(method, { 'upgrade-insecure-requests': '1' }), [true, true])
      for (const upgrade of ['websocket', 'WebSocket', 'h2c', '']) {
        assert.deepEqual(verdicts(method, { upgrade }), [false, false])
        const crossSite = { upgrade, 'sec-fetch-site': 'cross-site' }
        assert.deepEqual(verdicts(method, crossSite), [false, false])
        const sameOrigin = { upgrade, 'sec-fetch-site': 'same-origin' }
        assert.deepEqual(verdicts(method, sameOrigin), [true, true])
      }
    })
  }

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'TRACE', 'QUERY', 'get', '']) {
    test(`with the method ${JSON.stringify(method)} needs a token, unless the browser vouches for it`, () => {
      assert.deepEqual(verdicts(method), [false, false])
      for (const site of ['same-origin', 'none']) {
        assert.deepEqual(verdicts(method, { 'sec-fetch-site': site }), [true, true])
      }
      for (const site of [
        'same-site',
        'cross-site',
        '',
        'Same-Origin',
        'same-origin, cross-site',
        'x',
      ]) {
        assert.deepEqual(verdicts(method, { 'sec-fetch-site': site }), [false, false])
      }
    })
  }

  test('of which nothing is known needs a token', () => {
    assert.equal(judgeCsrf({ headers: {} }).safe, false)
    assert.equal(judgeCsrf({ method: undefined, headers: new Headers() }).safe, false)
  })

  test('with a header in several lines counts as one that has it', () => {
    assert.equal(judgeCsrf({ method: 'GET', headers: { upgrade: ['websocket'] } }).safe, false)
  })

  test('has its token in the header X-CSRF-Token', () => {
    for (const request of both('POST', { 'x-csrf-token': 'abc' })) {
      assert.deepEqual(judgeCsrf(request), { safe: false, token: 'abc' })
    }
    for (const request of both('POST')) assert.equal(judgeCsrf(request).token, null)
    const web = new Request('https://a.test', {
      method: 'post',
      headers: { 'X-CSRF-Token': 'abc' },
    })
    assert.deepEqual(judgeCsrf(web), { safe: false, token: 'abc' })
  })

  test('with a header that is called get is read all the same', () => {
    assert.equal(judgeCsrf({ method: 'POST', headers: { get: 'x' } }).safe, false)
  })
})
