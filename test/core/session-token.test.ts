import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { suite, test } from 'node:test'
import {
  createSecret,
  createSessionId,
  formatToken,
  parseToken,
  SecretHasher,
  TOKEN_LENGTH,
} from '../../src/core/session-token.ts'

const NOW = Date.UTC(2026, 0, 1)
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const OLD_PEPPER = 'an old pepper of sufficient length'
const NEW_PEPPER = 'a new pepper of sufficient length'

suite('a token', () => {
  const id = '019b7694-0000-7000-8000-0123456789ab'
  const secret = `${'A'.repeat(42)}_`
  const value = `${id}.${secret}`

  test('is an id and a secret with a dot between them', () => {
    assert.equal(value.length, TOKEN_LENGTH)
    assert.deepEqual(parseToken(value), { id, secret })
    assert.equal(formatToken({ id, secret }), value)
  })

  test('that was just made can be parsed', () => {
    const token = { id: createSessionId(NOW), secret: createSecret() }
    assert.deepEqual(parseToken(formatToken(token)), token)
  })

  const wrong: Record<string, string> = {
    'is one character short': value.slice(0, -1),
    'is one character long': `${value}A`,
    'has an upper-case id': value.replace('ab.', 'AB.'),
    'has a UUIDv4': value.replace('-7000-', '-4000-'),
    'has a UUIDv1': value.replace('-7000-', '-1000-'),
    'has the nil UUID': `${'00000000-0000-0000-0000-000000000000'}.${secret}`,
    'has a UUID of the Microsoft variant': value.replace('-8000-', '-c000-'),
    'has a UUID without hyphens and dots in their place': value.replaceAll('-', '.'),
    'has another separator': value.replace('.', ':'),
    'has a percent sign': value.replace('AAA', '%41'),
    'has standard base64 instead of base64url': value.replace('_', '/'),
    'has base64 padding': value.replace('_', '='),
    'has quotes around it': `"${value.slice(1, -1)}"`,
    'has a blank at the end': `${value.slice(0, -1)} `,
    'ends in a line feed': `${value.slice(0, -1)}\n`,
    'has full-width digits': value.replace('019b', '０19b'),
    'has the Turkish dotless i': value.replace('AAA', 'AıA'),
    'is empty': '',
    'is blank': ' '.repeat(TOKEN_LENGTH),
  }
  for (const [what, text] of Object.entries(wrong)) {
    test(`that ${what} is none`, () => assert.equal(parseToken(text), null))
  }
})

suite('secrets and ids', () => {
  test('never repeat in 100,000 draws', () => {
    const secrets = new Set<string>()
    const randomParts = new Set<string>()
    for (let count = 0; count < 100_000; count++) {
      secrets.add(createSecret())
      randomParts.add(createSessionId(NOW).slice(14))
    }
    assert.equal(secrets.size, 100_000)
    assert.equal(randomParts.size, 100_000)
  })

  test('a secret has 256 bits, spelt in base64url', () => {
    for (let count = 0; count < 1000; count++) {
      const secret = createSecret()
      assert.match(secret, /^[A-Za-z0-9_-]{43}$/)
      assert.equal(Buffer.from(secret, 'base64url').toString('base64url'), secret)
    }
  })

  test('each bit of a secret is set about half of the time', () => {
    const counts = new Array<number>(256).fill(0)
    for (let draw = 0; draw < 4000; draw++) {
      const bytes = Buffer.from(createSecret(), 'base64url')
      for (let bit = 0; bit < 256; bit++) {
        counts[bit] = (counts[bit] as number) + (((bytes[bit >> 3] as number) >> (bit & 7)) & 1)
      }
    }
    // Eight standard deviations of 4000 fair coins are 253.
    for (const count of counts) assert.ok(Math.abs(count - 2000) < 253, `${count} of 4000`)
  })

  test('the bytes of a secret do not stay in the buffer pool that all of Node shares', () => {
    const secret = createSecret()
    const pool = Buffer.from(Buffer.from('x').buffer)
    const bytes = Buffer.alloc(32)
    bytes.write(secret, 'base64url')
    assert.equal(pool.includes(bytes), false)
  })
})

suite('a session id', () => {
  test('is a UUIDv7 of RFC 9562 that begins with the time', () => {
    const id = createSessionId(0x017f22e279b0)
    assert.match(id, UUID_V7)
    // The time of the example in appendix A.6 of the RFC: 22 February 2022, 19:22:22 GMT.
    assert.equal(id.slice(0, 15), '017f22e2-79b0-7')
  })

  test('sorts by time as text', () => {
    const times = [0, 1, 255, 256, NOW - 1, NOW, NOW + 1, NOW + 86_400_000, 2 ** 47, 2 ** 48 - 1]
    const ids = times.map(createSessionId)
    assert.deepEqual(ids.toSorted(), ids)
  })

  for (const [name, now] of Object.entries({
    'before 1970': -1,
    'long before 1970': Number.MIN_SAFE_INTEGER,
    'after the year 10889': 2 ** 48,
    'at the end of all safe integers': Number.MAX_SAFE_INTEGER,
  })) {
    test(`is well-formed even if the clock is ${name}`, () => {
      assert.match(createSessionId(now), UUID_V7)
    })
  }
})

suite('a stored hash', () => {
  const secret = createSecret()

  test('is the SHA-256 of the secret as ASCII when there is no pepper', () => {
    const digest = createHash('sha256').update(secret, 'ascii').digest('base64url')
    assert.equal(new SecretHasher().hash(secret), `sha256:${digest}`)
  })

  test('is a named HMAC-SHA-256 when there is a pepper', () => {
    const digest = createHmac('sha256', NEW_PEPPER).update(secret).digest('base64url')
    const hash = new SecretHasher([NEW_PEPPER]).hash(secret)
    assert.match(hash, /^hmac-sha256:[A-Za-z0-9_-]{8}:[A-Za-z0-9_-]{43}$/)
    assert.equal(hash.split(':')[2], digest)
    assert.ok(!hash.includes(NEW_PEPPER.slice(0, 8)))
  })

  test('is the same for a pepper given as text and as bytes', () => {
    const asText = new SecretHasher([NEW_PEPPER]).hash(secret)
    assert.equal(new SecretHasher([Buffer.from(NEW_PEPPER)]).hash(secret), asText)
    assert.equal(new SecretHasher([new TextEncoder().encode(NEW_PEPPER)]).hash(secret), asText)
  })

  test('stays the same when the app wipes the bytes of its pepper', () => {
    const bytes = Buffer.from(NEW_PEPPER)
    const hasher = new SecretHasher([bytes])
    const before = hasher.hash(secret)
    bytes.fill(0)
    assert.equal(hasher.hash(secret), before)
  })

  test('matches its own secret only', () => {
    for (const hasher of [new SecretHasher(), new SecretHasher([NEW_PEPPER])]) {
      const hash = hasher.hash(secret)
      assert.equal(hasher.compare(secret, hash), 'match')
      assert.equal(hasher.compare(createSecret(), hash), 'mismatch')
    }
  })

  test('of an older pepper or of none matches, and is outdated', () => {
    const rotated = new SecretHasher([NEW_PEPPER, OLD_PEPPER])
    for (const older of [new SecretHasher([OLD_PEPPER]), new SecretHasher()]) {
      const hash = older.hash(secret)
      assert.equal(rotated.compare(secret, hash), 'match')
      assert.equal(rotated.compare(createSecret(), hash), 'mismatch')
      assert.equal(rotated.isOutdated(hash), true)
      assert.equal(older.isOutdated(hash), false)
    }
    assert.equal(rotated.isOutdated(rotated.hash(secret)), false)
  })

  test('without a pepper is unusable under pepperOnly, one of an older pepper is not', () => {
    const strict = new SecretHasher([NEW_PEPPER, OLD_PEPPER], true)
    assert.equal(strict.compare(secret, new SecretHasher().hash(secret)), 'unusable')
    assert.equal(strict.compare(secret, new SecretHasher([OLD_PEPPER]).hash(secret)), 'match')
  })

  test('of a pepper that was taken away is unusable, and outdated', () => {
    const hash = new SecretHasher([OLD_PEPPER]).hash(secret)
    for (const hasher of [new SecretHasher(), new SecretHasher([NEW_PEPPER])]) {
      assert.equal(hasher.compare(secret, hash), 'unusable')
      assert.equal(hasher.isOutdated(hash), true)
    }
  })

  for (const stored of ['', 'md5:abc', 'sha512:abc', 'SHA256:abc', 'hmac-sha256:', ':', 'sha256']) {
    test(`of an unknown algorithm, ${JSON.stringify(stored)}, is unusable`, () => {
      assert.equal(new SecretHasher([NEW_PEPPER]).compare(secret, stored), 'unusable')
    })
  }

  test('of another length or with other characters mismatches instead of throwing', () => {
    const hasher = new SecretHasher()
    const hash = hasher.hash(secret)
    const higher = String.fromCharCode(hash.charCodeAt(20) + 256)
    for (const stored of [
      'sha256:',
      hash.slice(0, -1),
      `${hash}A`,
      `${hash}=`,
      `sha256:${'A'.repeat(100_000)}`,
      hash.slice(0, 20) + higher + hash.slice(21),
    ]) {
      assert.equal(hasher.compare(secret, stored), 'mismatch')
    }
  })

  test('is never accepted as a secret', () => {
    const hasher = new SecretHasher()
    const hash = hasher.hash(secret)
    assert.equal(hasher.compare(hash, hash), 'mismatch')
    assert.equal(hasher.compare(hash.slice('sha256:'.length), hash), 'mismatch')
  })
})
