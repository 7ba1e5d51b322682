import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session-record.ts'
import type { StoreCaseContext, StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

/** Creates a record, loads it, saves the same over another one, and loads that. */
async function assertRoundTrip(
  { store, clock, newRecord, create, find }: StoreCaseContext,
  fields: Partial<SessionRecord>,
): Promise<void> {
  const created = newRecord(fields)
  assert.equal(await store.create(created), 'created')
  assertSameRecord(await find(created.id), created)

  const plain = await create()
  const saved = newRecord({ ...fields, id: plain.id, createdAt: plain.createdAt })
  assert.equal(await store.save(saved, 1, clock.now()), 'saved')
  assertSameRecord(await find(plain.id), { ...saved, version: 2 })
  assertSameRecord(await find(created.id), created)
}

const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value)

export const fieldCases: StoreCases = {
  'keeps every field of a record exactly': (context) =>
    assertRoundTrip(context, {
      secretHash: 'hmac-sha256:2026-01:Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFy',
      previousSecretHash: 'sha256:YmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm8',
      previousSecretUntil: context.clock.now() - 1,
      principal: 'user-42',
      data: '{"name":"Ada"}',
      idleTimeout: 1_234_567,
      absoluteExpiresAt: context.clock.now() + 98_765_432,
      persistent: true,
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      ip: '203.0.113.7',
    }),

  'keeps null in every field that may be null': (context) =>
    assertRoundTrip(context, {
      previousSecretHash: null,
      previousSecretUntil: null,
      principal: null,
      userAgent: null,
      ip: null,
    }),

  'keeps a previous secret that has no end yet': (context) =>
    assertRoundTrip(context, { previousSecretHash: 'sha256:old', previousSecretUntil: null }),

  'keeps empty text apart from null': (context) =>
    assertRoundTrip(context, { principal: '', userAgent: '', ip: '', data: '' }),

  'keeps persistent as a boolean': async (context) => {
    await assertRoundTrip(context, { persistent: true })
    await assertRoundTrip(context, { persistent: false })
  },

  'keeps long and odd values of the fields that are shown in lists': async (context) => {
    await assertRoundTrip(context, { userAgent: `Größe '"%_\\ ${'x'.repeat(1000)}` })
    await assertRoundTrip(context, { ip: 'fe80:0000:0000:0000:0202:b3ff:fe1e:8329%enp0s31f6' })
  },

  'keeps a version other than 1, as a copy from another store has it': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({ version: 41 })
    assertSameRecord(await find(record.id), record)
    assert.equal(await store.save(record, 41, clock.now()), 'saved')
    assert.equal((await find(record.id))?.version, 42)
  },

  'keeps times beyond 32 and 41 bits': async (context) => {
    for (const createdAt of [2 ** 32 + 1, 2 ** 41 + 1, 2 ** 42 + 12_345]) {
      context.clock.set(createdAt)
      await assertRoundTrip(context, { previousSecretUntil: createdAt - 1 })
    }
  },

  'keeps an idle timeout of a hundred years': (context) =>
    assertRoundTrip(context, {
      idleTimeout: 100 * 366 * 86_400_000,
      absoluteExpiresAt: Date.UTC(9999, 11, 31, 23, 59, 59, 999),
    }),

  'keeps the last moment that a Date can show': (context) =>
    assertRoundTrip(context, { absoluteExpiresAt: 8_640_000_000_000_000 }),

  'keeps empty text as text': (context) => assertRoundTrip(context, { data: '' }),

  'keeps text that looks like something else as text': async (context) => {
    const texts = ['null', 'true', '0', '1e3', '0123', '0x00ff', '\\x41', '{}', '[1, 2]', '"a"']
    for (const data of texts) await assertRoundTrip(context, { data })
  },

  'keeps white space and line ends at the edges of text': async (context) => {
    for (const data of [' ', ' a ', '\n', 'a\r\nb\r', '\ta\t\n']) {
      await assertRoundTrip(context, { data })
    }
  },

  'keeps quotes, placeholders and wildcards in text': (context) =>
    assertRoundTrip(context, { data: `'; DROP TABLE sessions; -- "$1" ? :id %s %_ \\ \` {0}` }),

  'keeps text of all planes of Unicode': (context) =>
    assertRoundTrip(context, {
      data: 'Straße, e\u0301 and \u00e9, 漢字, עברית, \u{1f469}\u200d\u{1f680}, \u{10ffff}, \uffff, \u2028',
    }),

  'keeps a byte order mark at the beginning of text': (context) =>
    assertRoundTrip(context, { data: '\ufeff{}' }),

  'keeps the character NUL in text': (context) =>
    assertRoundTrip(context, { data: '\0before\0after\0' }),

  'keeps a megabyte of text': (context) =>
    assertRoundTrip(context, { data: 'sessile '.repeat(131_072) }),

  'keeps a megabyte of emoji': (context) =>
    assertRoundTrip(context, { data: '\u{1f469}'.repeat(262_144) }),

  'keeps empty bytes as bytes': (context) => assertRoundTrip(context, { data: new Uint8Array(0) }),

  'keeps bytes of all 256 values': (context) => assertRoundTrip(context, { data: everyByte }),

  'keeps bytes that are readable text as bytes': (context) =>
    assertRoundTrip(context, { data: new TextEncoder().encode('{"name":"Ada"}') }),

  'keeps a megabyte of bytes': (context) =>
    assertRoundTrip(context, {
      data: Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 31) % 256),
    }),

  'keeps only the part of a buffer that the bytes show': (context) =>
    assertRoundTrip(context, { data: everyByte.subarray(100, 110) }),

  'lets a save change text to bytes and back': async ({ store, clock, create, find }) => {
    const record = await create({ data: 'text' })
    const bytes = { ...record, data: everyByte }
    assert.equal(await store.save(bytes, 1, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...bytes, version: 2 })
    assert.equal(await store.save(record, 2, clock.now()), 'saved')
    assertSameRecord(await find(record.id), { ...record, version: 3 })
  },

  'hands out copies: changing a loaded record changes nothing': async ({ create, find }) => {
    const record = await create({ data: Uint8Array.of(1, 2, 3), principal: 'ada' })
    const loaded = await find(record.id)
    assert.ok(loaded !== undefined)
    Object.assign(loaded, { version: 9, principal: 'eve', expiresAt: 0 })
    if (loaded.data instanceof Uint8Array) loaded.data.fill(0)
    assertSameRecord(await find(record.id), record)
  },

  'hands out copies: changing a listed or scanned record changes nothing': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create({ data: Uint8Array.of(1, 2, 3), principal: 'ada' })
    const listed = await store.list({ principal: 'ada', limit: 10 }, clock.now())
    const scanned = await store.scan({ limit: 10 }, clock.now())
    for (const each of [...listed.records, ...scanned.records]) {
      if (each.data instanceof Uint8Array) each.data.fill(0)
      Object.assign(each, { version: 9, principal: 'eve', expiresAt: 0 })
    }
    assertSameRecord(await find(record.id), record)
  },

  'keeps copies: changing a record after it was written changes nothing': async (context) => {
    const { store, clock, newRecord, find } = context
    const created = newRecord({ data: Uint8Array.of(1, 2, 3) })
    const given = { ...created, data: Buffer.of(1, 2, 3) }
    assert.equal(await store.create(given), 'created')
    given.data.fill(0)
    Object.assign(given, { version: 9, expiresAt: 0 })
    assertSameRecord(await find(created.id), created)

    const again = { ...created, data: Buffer.of(4, 5, 6) }
    assert.equal(await store.save(again, 1, clock.now()), 'saved')
    again.data.fill(0)
    const expected = { ...created, version: 2, data: Uint8Array.of(4, 5, 6) }
    assertSameRecord(await find(created.id), expected)
  },
}
