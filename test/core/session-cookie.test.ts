import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { inspect } from 'node:util'
import { parseSetCookie } from 'cookie'
import { SessionOptionsError } from '../../src/core/errors.ts'
import { type CookieOptions, SessionCookie } from '../../src/core/session-cookie.ts'
import {
  createSecret,
  createSessionId,
  formatToken,
  type SessionToken,
} from '../../src/core/session-token.ts'

const HOST_NAME = '__Host-session'

function makeToken(): SessionToken {
  return { id: createSessionId(Date.UTC(2026, 0, 1)), secret: createSecret() }
}

const token = makeToken()
const value = formatToken(token)

suite('a Cookie header', () => {
  const cookie = new SessionCookie()
  const found: Record<string, string> = {
    'alone in the header': `${HOST_NAME}=${value}`,
    'after another cookie': `theme=dark; ${HOST_NAME}=${value}`,
    'before another cookie': `${HOST_NAME}=${value}; theme=dark`,
    'between semicolons without blanks': `a=1;${HOST_NAME}=${value};b=2`,
    'with a semicolon after it': `${HOST_NAME}=${value};`,
    'with blanks and tabs around its pair': ` \t ${HOST_NAME}=${value} \t ; b=2`,
    'after empty pairs': `;;; ;${HOST_NAME}=${value}`,
    'after a cookie without a name': `=x; ${HOST_NAME}=${value}`,
    'after a cookie without an equals sign': `flag; ${HOST_NAME}=${value}`,
    'after a quoted value': `a="x"; ${HOST_NAME}=${value}`,
    'after one of its own name with another value': `${HOST_NAME}=old; ${HOST_NAME}=${value}`,
    'after one of its own name that is empty': `${HOST_NAME}=; ${HOST_NAME}=${value}`,
    'after one that only ends in its name': `x${HOST_NAME}=${value}; ${HOST_NAME}=${value}`,
    'after one whose value holds its name': `a=${HOST_NAME}=1; ${HOST_NAME}=${value}`,
  }
  for (const [where, header] of Object.entries(found)) {
    test(`gives the token ${where}`, () => assert.deepEqual(cookie.read(header), [token]))
  }

  const passedOver: Record<string, string | null | undefined> = {
    'that is missing': undefined,
    'that is null': null,
    'that is empty': '',
    'of only semicolons': ';',
    'of many semicolons and blanks': '; ;; \t;',
    'of only the name': HOST_NAME,
    'of only the name and an equals sign': `${HOST_NAME}=`,
    'with another prefix before the name': `x${HOST_NAME}=${value}`,
    'with the name as the end of another after a dot': `app.${HOST_NAME}=${value}`,
    'with the name in lower case': `__host-session=${value}`,
    'with the name without its prefix': `session=${value}`,
    'with a longer name': `${HOST_NAME}2=${value}`,
    'with a blank before the equals sign': `${HOST_NAME} =${value}`,
    'with a blank after the equals sign': `${HOST_NAME}= ${value}`,
    'with a comma for a semicolon': `a=1, ${HOST_NAME}=${value}`,
    'with the pair inside of another value': `a=${HOST_NAME}=${value}`,
    'with a word before the pair': `a ${HOST_NAME}=${value}`,
    'with quotes around the value': `${HOST_NAME}="${value}"`,
    'with a percent-encoded value': `${HOST_NAME}=${value.replace('.', '%2E')}`,
    'with a percent-encoded name': `__Host%2Dsession=${value}`,
    'with an upper-case id': `${HOST_NAME}=${value.slice(0, 36).toUpperCase()}${value.slice(36)}`,
    'with one character too few': `${HOST_NAME}=${value.slice(0, -1)}`,
    'with one character too many': `${HOST_NAME}=${value}A`,
    'with a word after the value': `${HOST_NAME}=${value} A`,
    'with a line feed after the value': `${HOST_NAME}=${value}\n`,
    'with a NUL after the value': `${HOST_NAME}=${value}\0`,
    'with a no-break space before the name': `\u00a0${HOST_NAME}=${value}`,
    'with the attributes of a response': `$Version=1, ${HOST_NAME}=${value}`,
  }
  for (const [which, header] of Object.entries(passedOver)) {
    test(`${which} gives no token`, () => assert.deepEqual(cookie.read(header), []))
  }

  test('gives tokens of one name in its order', () => {
    const tokens = [makeToken(), makeToken(), makeToken()]
    const header = tokens.map((one) => `${HOST_NAME}=${formatToken(one)}`).join('; ')
    assert.deepEqual(cookie.read(header), tokens)
  })

  test('gives tokens of four ids at most', () => {
    const tokens = Array.from({ length: 10 }, makeToken)
    const header = tokens.map((one) => `${HOST_NAME}=${formatToken(one)}`).join('; ')
    assert.deepEqual(cookie.read(header), tokens.slice(0, 4))
  })

  test('gives eight tokens at most, also when all have one id', () => {
    const tokens = Array.from({ length: 20 }, () => ({ id: token.id, secret: createSecret() }))
    const header = tokens.map((one) => `${HOST_NAME}=${formatToken(one)}`).join('; ')
    assert.deepEqual(cookie.read(header), tokens.slice(0, 8))
  })

  test('gives a later token of an id that it has given already when four ids are full', () => {
    const tokens = Array.from({ length: 4 }, makeToken)
    const again = { id: (tokens[0] as SessionToken).id, secret: createSecret() }
    const header = [...tokens, makeToken(), again]
      .map((one) => `${HOST_NAME}=${formatToken(one)}`)
      .join('; ')
    assert.deepEqual(cookie.read(header), [...tokens, again])
  })

  test('does not run out of tokens because of malformed ones before them', () => {
    const header = `${`${HOST_NAME}=${value.toUpperCase()}; `.repeat(500)}${HOST_NAME}=${value}`
    assert.deepEqual(cookie.read(header), [token])
  })

  const floods: Record<string, (length: number) => string> = {
    'names without values': (length) => `${HOST_NAME}=;`.repeat(length / 16),
    'forged tokens': (length) => `${HOST_NAME}=${value.toUpperCase()}; `.repeat(length / 97),
    'names after blanks': (length) => `${' '.repeat(length)}x${HOST_NAME}=${value}`,
    'blanks after values': (length) => `${HOST_NAME}=${value}${' '.repeat(length)}x`,
    'names in one another': (length) => `${HOST_NAME}=`.repeat(length / 15),
    'well-formed tokens of ever new ids': (length) =>
      Array.from({ length: length / 97 }, () => `${HOST_NAME}=${formatToken(makeToken())}`).join(
        ';',
      ),
    'short names, then blanks': (length) => `s=;`.repeat(length / 6) + ' '.repeat(length / 2),
  }
  for (const [what, flood] of Object.entries(floods)) {
    test(`of eight times as many ${what} takes no more than some eight times as long`, () => {
      const reader = new SessionCookie({ name: what.startsWith('short') ? 's' : HOST_NAME })
      const short = timeToRead(reader, flood(8192))
      const long = timeToRead(reader, flood(65_536))
      // A quadratic scan would take 64 times as long. Half a millisecond forgives a busy machine.
      assert.ok(long < 24 * short + 0.5, `${long} ms against ${short} ms`)
    })
  }
})

/** Milliseconds of the fastest of several runs. */
function timeToRead(cookie: SessionCookie, header: string): number {
  const times = Array.from({ length: 9 }, () => {
    const startedAt = performance.now()
    cookie.read(header)
    return performance.now() - startedAt
  })
  return Math.min(...times)
}

suite('a Set-Cookie header', () => {
  const flags = 'HttpOnly; Secure; SameSite=Lax'
  const written: [CookieOptions, string][] = [
    [{}, `${HOST_NAME}=${value}; Path=/; ${flags}`],
    [{ site: 'same' }, `${HOST_NAME}=${value}; Path=/; ${flags}`],
    [{ secure: true, path: '/' }, `${HOST_NAME}=${value}; Path=/; ${flags}`],
    [{ site: 'cross' }, `${HOST_NAME}=${value}; Path=/; HttpOnly; Secure; SameSite=None`],
    [
      { site: 'embedded' },
      `${HOST_NAME}=${value}; Path=/; HttpOnly; Secure; Partitioned; SameSite=None`,
    ],
    [{ secure: false }, `session=${value}; Path=/; HttpOnly; SameSite=Lax`],
    [{ domain: 'example.com' }, `session=${value}; Domain=example.com; Path=/; ${flags}`],
    [{ domain: '.example.com' }, `session=${value}; Domain=.example.com; Path=/; ${flags}`],
    [{ path: '/app' }, `session=${value}; Path=/app; ${flags}`],
    [
      { priority: 'high' },
      `${HOST_NAME}=${value}; Path=/; HttpOnly; Secure; Priority=High; SameSite=Lax`,
    ],
    [
      { priority: 'low' },
      `${HOST_NAME}=${value}; Path=/; HttpOnly; Secure; Priority=Low; SameSite=Lax`,
    ],
    [{ name: 'sid' }, `sid=${value}; Path=/; ${flags}`],
    [
      { name: '__Secure-id', domain: 'a.test' },
      `__Secure-id=${value}; Domain=a.test; Path=/; ${flags}`,
    ],
    [{ name: '__Host-app' }, `__Host-app=${value}; Path=/; ${flags}`],
    [{ name: '__Host-Http-app' }, `__Host-Http-app=${value}; Path=/; ${flags}`],
    [{ name: '__Http-app', path: '/a' }, `__Http-app=${value}; Path=/a; ${flags}`],
    [
      { domain: 'example.com', site: 'embedded', path: '/app', priority: 'medium' },
      `session=${value}; Domain=example.com; Path=/app; HttpOnly; Secure; Partitioned; ` +
        'Priority=Medium; SameSite=None',
    ],
  ]
  for (const [options, header] of written) {
    test(`with ${inspect(options)} is what browsers accept`, () => {
      assert.equal(new SessionCookie(options).write(value, null), header)
    })
  }

  test('has a Max-Age only if it is given one', () => {
    const cookie = new SessionCookie()
    assert.equal(parseSetCookie(cookie.write(value, 3600)).maxAge, 3600)
    assert.equal(parseSetCookie(cookie.write(value, 0)).maxAge, 0)
    assert.equal(parseSetCookie(cookie.write(value, null)).maxAge, undefined)
  })

  test('is read again by the same cookie', () => {
    for (const [options] of written) {
      const cookie = new SessionCookie(options)
      const header = cookie.write(value, 60).split(';', 1)[0]
      assert.deepEqual(cookie.read(`a=1; ${header}`), [token])
    }
  })

  test('that expires differs from one that sets in the value and the times only', () => {
    for (const [options] of written) {
      const cookie = new SessionCookie(options)
      const { value: _, ...set } = parseSetCookie(cookie.write(value, null))
      assert.deepEqual(parseSetCookie(cookie.expire()), {
        ...set,
        value: '',
        maxAge: 0,
        expires: new Date(0),
      })
    }
  })
})

suite('cookie options that no browser accepts', () => {
  const refused: [unknown, RegExp][] = [
    [{ site: 'cross', secure: false }, /site: 'cross' without Secure/],
    [{ site: 'embedded', secure: false }, /site: 'embedded' without Secure/],
    [{ name: '__Host-x', domain: 'example.com' }, /__Host-x with a domain/],
    [{ name: '__Host-x', path: '/app' }, /__Host-x with a domain, a path/],
    [{ name: '__Host-x', secure: false }, /__Host-x with .* secure: false/],
    [{ name: '__hOsT-x', secure: false }, /__hOsT-x with/],
    [{ name: '__Secure-x', secure: false }, /__Secure-x without Secure/],
    [{ name: '__SECURE-x', secure: false }, /__SECURE-x without Secure/],
    [{ name: '__Http-x', secure: false }, /__Http-x without Secure/],
    [{ name: '__Host-Http-x', path: '/app' }, /__Host-Http-x with/],
    [{ name: 'a b' }, /name is invalid: a b/],
    [{ name: 'a;b' }, /name is invalid: a;b/],
    [{ name: 'a=b' }, /name is invalid: a=b/],
    [{ name: 'ä' }, /name is invalid: ä/],
    [{ name: 'a\r\nX-Header: 1' }, /name is invalid/],
    [{ domain: 'https://example.com' }, /domain is invalid: https:\/\/example.com/],
    [{ domain: 'example.com:3000' }, /domain is invalid/],
    [{ domain: 'example.com/app' }, /domain is invalid/],
    [{ domain: 'a;b' }, /domain is invalid/],
    [{ path: '/a;b' }, /path is invalid/],
    [{ path: '/a\nb' }, /path is invalid/],
    [{ path: 'app' }, /path is 'app'; it must begin with a slash/],
  ]
  const wrongTypes: [unknown, RegExp][] = [
    [null, /null is given/],
    ['lax', /'lax' is given/],
    [true, /true is given/],
    [{ name: '' }, /name is ''/],
    [{ name: 5 }, /name is 5/],
    [{ name: null }, /name is null/],
    [{ domain: '' }, /domain is ''/],
    [{ domain: ['a.test'] }, /domain is \[ 'a.test' \]/],
    [{ path: '' }, /path is ''/],
    [{ path: 1n }, /path is 1n/],
    [{ secure: 'auto' }, /secure is 'auto'; give a boolean/],
    [{ secure: 0 }, /secure is 0/],
    [{ secure: null }, /secure is null/],
    [{ site: 'lax' }, /site is 'lax'; allowed are 'same', 'cross' and 'embedded'/],
    [{ site: 'toString' }, /site is 'toString'/],
    [{ site: null }, /site is null/],
    [{ site: Symbol('x') }, /site is Symbol\(x\)/],
    [{ priority: 'High' }, /priority is 'High'; allowed are 'low', 'medium' and 'high'/],
    [{ priority: null }, /priority is null/],
    [{ maxAge: 3600 }, /no option maxAge. Known are: name, .*timeouts choose Max-Age/],
    [{ sameSite: 'lax' }, /no option sameSite.* site chooses SameSite/],
    [{ httpOnly: false }, /no option httpOnly.* HttpOnly is always on/],
    [{ expires: new Date(0) }, /no option expires/],
  ]
  for (const [options, message] of [...refused, ...wrongTypes]) {
    test(`such as ${inspect(options)} are refused at once`, () => {
      assert.throws(
        () => new SessionCookie(options as CookieOptions),
        (error) => {
          assert.ok(error instanceof SessionOptionsError)
          assert.match(error.message, message)
          assert.match(error.message, /^cookie: /)
          return true
        },
      )
    })
  }
})

test('options given as undefined mean the defaults', () => {
  const explicit = { name: undefined, domain: undefined, path: undefined, secure: undefined }
  const cookie = new SessionCookie({ ...explicit, site: undefined } as unknown as CookieOptions)
  assert.equal(cookie.write(value, null), new SessionCookie().write(value, null))
})
