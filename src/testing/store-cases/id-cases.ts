import assert from 'node:assert/strict'
import type { StoreCases } from '../store-case.ts'
import { assertSameRecord } from '../store-case.ts'

const oddIds = [
  ...['', ' ', '\n', '\0', '0', '-1', 'null', 'undefined', 'NaN', 'true', '[]', '{}'],
  ...["'", '"', '`', '\\', "' OR '1'='1", "'; DROP TABLE sessions; --", '$1', '?', ':id'],
  ...['%', '_', '*', '?*', '[a-z]', '.*', '{id}', 'id:with:colons', 'a\r\nDEL b', '../passwd'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'then'],
  ...['漢字', '\u{1f469}', '\ud800', '\udc00', '\uffff', 'a\u0301'],
  ...['x'.repeat(37), 'x'.repeat(256), '€'.repeat(100_000)],
]

/** Texts that a database with types or collations might take for the same id. */
function lookalikes(id: string): string[] {
  return [
    id.toUpperCase(),
    `${id} `,
    ` ${id}`,
    `${id}\n`,
    `${id}\0`,
    `{${id}}`,
    `urn:uuid:${id}`,
    id.replaceAll('-', ''),
    id.slice(0, -1),
    `${id}0`,
    `${id.slice(0, -1)}%`,
    `${id.slice(0, -1)}_`,
  ]
}

export const idCases: StoreCases = {
  'load of an id of any other shape finds nothing and does no harm': async ({
    store,
    clock,
    create,
  }) => {
    const record = await create()
    for (const id of [...oddIds, ...lookalikes(record.id)]) {
      assert.deepEqual(await store.load([id], clock.now()), [])
      const loaded = await store.load([id, record.id], clock.now())
      assert.equal(loaded.length, 1)
      assertSameRecord(loaded[0], record)
    }
  },

  'save with an id of any other shape is gone and changes nothing': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    for (const id of [...oddIds, ...lookalikes(record.id)]) {
      assert.equal(await store.save({ ...record, id, data: 'odd' }, 1, clock.now()), 'gone')
    }
    assertSameRecord(await find(record.id), record)
  },

  'touch of an id of any other shape is false and changes nothing': async ({
    store,
    clock,
    create,
    find,
  }) => {
    const record = await create()
    clock.advance('1m')
    for (const id of [...oddIds, ...lookalikes(record.id)]) {
      assert.equal(await store.touch(id, 1, clock.now(), 3_600_000, clock.now()), false)
    }
    assertSameRecord(await find(record.id), record)
  },

  'delete of an id of any other shape is gone and deletes nothing': async ({
    store,
    create,
    find,
  }) => {
    const record = await create({ principal: 'ada' })
    for (const id of [...oddIds, ...lookalikes(record.id)]) {
      assert.equal(await store.delete(id), 'gone')
      assert.equal(await store.delete(id, { principal: 'ada', expectedVersion: 1 }), 'gone')
    }
    assertSameRecord(await find(record.id), record)
  },

  'deleteAll with an exceptId of any other shape spares nothing': async ({
    store,
    create,
    find,
  }) => {
    const other = await create({ principal: 'grace' })
    for (const exceptId of oddIds) {
      await create({ principal: 'ada' })
      assert.equal(await store.deleteAll({ principal: 'ada', exceptId }), 1)
    }
    const { id } = await create({ principal: 'ada' })
    assert.equal(await store.deleteAll({ principal: 'ada', exceptId: id.toUpperCase() }), 1)
    assertSameRecord(await find(other.id), other)
  },
}
