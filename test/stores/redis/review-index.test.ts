import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createClient } from 'redis'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import { SWEEP_GRACE } from '../../../src/core/store.ts'
import { redisStore } from '../../../src/redis.ts'
import { sharedRedis } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newPrefix } from './redis-clients.ts'
import { type CommandLog, watch } from './watched-client.ts'

const MINUTE = 60_000

const client = createClient({ url: sharedRedis.url })
client.on('error', () => {})

suite('the review index in Redis', { skip: sharedRedis.skip }, () => {
  before(() => client.connect())
  after(() => client.destroy())

  function open() {
    const watched = watch(client)
    const prefix = newPrefix()
    const store = redisStore(watched, { prefix })
    return {
      store,
      log: watched.log,
      prefix,
      /** Its members in all shards: `<moment>:<id>`. */
      async members() {
        const shards = Array.from({ length: 64 }, (_, shard) => `${prefix}review:{${shard}}`)
        return (await Promise.all(shards.map((shard) => client.zRange(shard, 0, -1)))).flat()
      },
      async scannedIds(at: number) {
        const ids: string[] = []
        for (let cursor: string | null = '0:'; cursor !== null; ) {
          const page = await store.scan({ cursor, limit: 3 }, at)
          ids.push(...page.records.map(({ id }) => id))
          cursor = page.next
        }
        return ids.toSorted()
      },
    }
  }

  /** Fails each command of a name before it is sent, as if the process had ended there. */
  function crashBefore(log: CommandLog, name: string) {
    log.before = (command) => {
      if (command === name) throw new Error('the process has ended')
    }
  }

  const member = (moment: number, id: string) => `${String(moment).padStart(16, '0')}:${id}`

  test('has a session under its first deadline, and is not written when it is used', async () => {
    const { store, log, members } = open()
    const record = newRecord()
    await store.create(record)
    log.steps = []
    await store.load([record.id], now)
    await store.touch(record.id, 1, now + MINUTE, 10 * MINUTE, now + MINUTE)
    await store.save(record, 1, now + MINUTE)
    assert.deepEqual(log.steps, [['MGET'], ['EVALSHA touch'], ['EVALSHA save']])
    assert.deepEqual(await members(), [member(record.expiresAt, record.id)])
  })

  test('puts off the sessions that a sweep finds alive', async () => {
    const { store, members, scannedIds } = open()
    const record = newRecord()
    await store.create(record)
    const touchedAt = now + 9 * MINUTE
    await store.touch(record.id, 1, touchedAt, 10 * MINUTE, touchedAt)
    const later = record.expiresAt + SWEEP_GRACE + 1
    assert.equal(await store.sweep(later, 10), 0)
    assert.deepEqual(await members(), [member(touchedAt + 10 * MINUTE, record.id)])
    assert.deepEqual(await scannedIds(later), [record.id])
    assert.equal(await store.sweep(touchedAt + 10 * MINUTE + SWEEP_GRACE + 1, 10), 1)
    assert.deepEqual(await members(), [])
  })

  test('loses what Redis itself has removed at the next sweep, which does not count it', async () => {
    const { store, prefix, members } = open()
    const records = Array.from({ length: 5 }, () => newRecord())
    for (const record of records) await store.create(record)
    await client.del(records.map(({ id }) => `${prefix}{${id}}`))
    assert.equal(await store.sweep(now + 16 * MINUTE, 10), 0)
    assert.deepEqual(await members(), [])
  })

  test('loses a session that is deleted', async () => {
    const { store, members } = open()
    const record = newRecord({ principal: 'ada' })
    await store.create(record)
    await store.touch(record.id, 1, now + MINUTE, 10 * MINUTE, now + MINUTE)
    assert.equal(await store.delete(record.id), 'deleted')
    await store.close()
    assert.deepEqual(await members(), [])
  })

  test('has a session earlier too if its deadline comes nearer, once however often it is saved', async () => {
    const { store, members, scannedIds } = open()
    const record = newRecord({ idleTimeout: 60 * MINUTE, expiresAt: now + 60 * MINUTE })
    await store.create(record)
    const shorter = { ...record, idleTimeout: 10 * MINUTE }
    for (let version = 1; version <= 4; version++) {
      const lastSeenAt = now + version * MINUTE
      assert.equal(await store.save({ ...shorter, lastSeenAt }, version, lastSeenAt), 'saved')
    }
    const both = [member(now + 11 * MINUTE, record.id), member(record.expiresAt, record.id)]
    assert.deepEqual((await members()).toSorted(), both)
    assert.deepEqual(await scannedIds(now + 5 * MINUTE), [record.id])

    assert.equal(await store.sweep(now + 17 * MINUTE, 10), 0)
    const putOff = [member(now + 14 * MINUTE, record.id), member(record.expiresAt, record.id)]
    assert.deepEqual((await members()).toSorted(), putOff)
    assert.equal(await store.sweep(now + 20 * MINUTE, 10), 1)
    assert.deepEqual(await members(), [])
  })

  test('is left as it was by a create of a taken id, also with the same deadline', async () => {
    const { store, members } = open()
    const record = newRecord({ idleTimeout: 60 * MINUTE, expiresAt: now + 60 * MINUTE })
    await store.create(record)
    assert.equal(await store.create(newRecord({ id: record.id })), 'taken')
    assert.equal(await store.create(record), 'taken')
    await store.close()
    assert.deepEqual(await members(), [member(record.expiresAt, record.id)])
  })

  test('loses entries that mean nothing when they are due, and keeps the others', async () => {
    const { store, log, members, scannedIds } = open()
    const record = newRecord({ idleTimeout: 60 * MINUTE, expiresAt: now + 60 * MINUTE })
    await store.create(record)
    const again = newRecord({ id: record.id })
    crashBefore(log, 'ZREM')
    assert.equal(await store.create(again), 'taken')
    log.before = undefined
    assert.equal((await members()).length, 2)
    assert.deepEqual([...new Set(await scannedIds(now))], [record.id])
    assert.equal(await store.sweep(again.expiresAt + SWEEP_GRACE + 1, 10), 0)
    assert.deepEqual(await members(), [member(record.expiresAt, record.id)])
  })

  test('never misses a session while sweeps put it off, in whatever order things happen', async () => {
    const { store, log, scannedIds } = open()
    const records = Array.from({ length: 30 }, () => newRecord())
    for (const record of records) await store.create(record)
    const ids = records.map(({ id }) => id).toSorted()
    let at = now
    for (let round = 0; round < 5; round++) {
      at += 9 * MINUTE
      for (const { id } of records) await store.touch(id, 1, at, 10 * MINUTE, at)
      const sweeps = store.sweep(at + 8 * MINUTE, 100)
      assert.deepEqual([...new Set(await scannedIds(at))], ids)
      await sweeps
      assert.deepEqual(await scannedIds(at), ids)
    }
    // Sweeps that end half-way.
    for (const name of ['EVALSHA review', 'ZREM', 'ZADD']) {
      at += 9 * MINUTE
      for (const { id } of records) await store.touch(id, 1, at, 10 * MINUTE, at)
      crashBefore(log, name)
      await assert.rejects(async () => store.sweep(at + 8 * MINUTE, 100), StoreUnavailableError)
      assert.deepEqual([...new Set(await scannedIds(at))], ids)
      log.before = undefined
    }
    assert.equal(await store.sweep(at + 8 * MINUTE, 100), 0)
    assert.deepEqual(await scannedIds(at), ids)
    assert.equal(await store.sweep(at + 16 * MINUTE, 100), 30)
  })

  test('lets Redis clean up by itself five minutes after a deadline, on its own clock', async () => {
    const { store, prefix } = open()
    const record = newRecord()
    const left = async () => await client.pTTL(`${prefix}{${record.id}}`)
    const near = (actual: number, expected: number) =>
      assert.ok(actual <= expected && actual > expected - MINUTE, `${actual}, not ${expected}`)
    await store.create(record)
    near(await left(), 10 * MINUTE + SWEEP_GRACE)
    const later = now + 8 * MINUTE
    await store.touch(record.id, 1, later, 20 * MINUTE, later)
    near(await left(), 20 * MINUTE + SWEEP_GRACE)
    await store.save({ ...record, idleTimeout: 9 * MINUTE }, 1, later)
    near(await left(), 9 * MINUTE + SWEEP_GRACE)
    // Over already, but another machine's clock may see it live.
    await store.save({ ...record, idleTimeout: MINUTE }, 2, later + 2 * MINUTE)
    near(await left(), SWEEP_GRACE)
  })

  test('is walked with a cursor of any shape', async () => {
    const { store } = open()
    await store.create(newRecord())
    for (const cursor of ['', 'x', '99:', '-1:', '0', '0:zzz', "'; FLUSHALL; --"]) {
      const { records } = await store.scan({ cursor, limit: 10 }, now)
      assert.ok(records.length <= 1)
    }
  })
})
