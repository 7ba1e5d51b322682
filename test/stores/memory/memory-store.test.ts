import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { memoryStore } from '../../../src/memory.ts'
import { storeConformance } from '../../../src/testing.ts'

suite('memoryStore keeps the store contract', () => {
  for (const { name, run } of storeConformance({ open: memoryStore })) test(name, run)
})

test('memoryStore answers with values, not with promises', () => {
  const store = memoryStore()
  assert.deepEqual(store.load([], 0), [])
  assert.equal(store.delete('unknown'), 'gone')
  assert.equal(store.sweep(0, 100), 0)
  assert.deepEqual(store.list({ principal: 'ada', limit: 10 }, 0), { records: [], next: null })
  assert.deepEqual(store.scan({ limit: 10 }, 0), { records: [], next: null })
  assert.equal(store.deleteAll({ principal: 'ada' }), 0)
  assert.equal(store.close(), undefined)
})

test('two memory stores share nothing', async () => {
  const [first, second] = [memoryStore(), memoryStore()]
  await first.create({
    id: '01900000-0000-7000-8000-000000000001',
    secretHash: 'sha256:secret',
    previousSecretHash: null,
    previousSecretUntil: null,
    principal: 'ada',
    data: '',
    version: 1,
    createdAt: 1,
    lastSeenAt: 1,
    idleTimeout: 9,
    absoluteExpiresAt: 10,
    expiresAt: 10,
    persistent: false,
    userAgent: null,
    ip: null,
  })
  assert.equal((await first.scan({ limit: 10 }, 2)).records.length, 1)
  assert.equal((await second.scan({ limit: 10 }, 2)).records.length, 0)
})
