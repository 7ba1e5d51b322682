import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { createClient } from 'redis'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { PrincipalLimit } from '../../../src/core/store.ts'
import { redisStore } from '../../../src/redis.ts'
import { deferred } from '../../support/http-exchange.ts'
import { sharedRedis } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newPrefix } from './redis-clients.ts'
import { watch } from './watched-client.ts'

const client = createClient({ url: sharedRedis.url })
client.on('error', () => {})

const rejectAbove = (max: number): PrincipalLimit => ({ max, onExceed: 'reject' })
const evictAbove = (max: number): PrincipalLimit => ({ max, onExceed: 'evict-oldest' })

suite('the index of a principal in Redis', { skip: sharedRedis.skip }, () => {
  before(() => client.connect())
  after(() => client.destroy())

  function open(timeout: '5s' | '1500ms' = '5s') {
    const watched = watch(client)
    const prefix = newPrefix()
    const store = redisStore(watched, { prefix, timeout })
    const index = `${prefix}principal:{ada}`
    return {
      store,
      log: watched.log,
      prefix,
      index,
      members: () => client.zRange(index, 0, -1),
      idsOf: async () => {
        const page = await store.list({ principal: 'ada', limit: 100 }, now)
        return page.records.map(({ id }) => id)
      },
      /** As if the members had been written so much earlier. */
      async age(milliseconds: number) {
        for (const member of await client.zRange(index, 0, -1)) {
          const [id = '', reservedAt, nonce] = member.split(':')
          await client.zRem(index, member)
          const value = `${id}:${Number(reservedAt) - milliseconds}:${nonce}`
          await client.zAdd(index, { score: 0, value })
        }
      },
    }
  }

  /** Fails the next command of a name before it is sent, as if the process had ended there. */
  function crashBefore(log: ReturnType<typeof open>['log'], name: string) {
    log.before = (command) => {
      if (command === name) throw new Error('the process has ended')
    }
  }

  test('has an id before there is a record, so that no list ever misses a session', async () => {
    const { store, log, members } = open()
    crashBefore(log, 'EVALSHA create')
    const record = newRecord({ principal: 'ada' })
    await assert.rejects(async () => store.create(record), StoreUnavailableError)
    assert.equal((await members()).length, 1)

    const other = newRecord()
    log.before = undefined
    await store.create(other)
    crashBefore(log, 'EVALSHA reserve')
    const login = { ...other, principal: 'ada' }
    await assert.rejects(async () => store.save(login, 1, now), StoreUnavailableError)
    assert.equal((await store.load([other.id], now))[0]?.principal, null)
  })

  test('shows nothing of a login that ended half-way', async () => {
    const { store, log, idsOf } = open()
    crashBefore(log, 'EVALSHA create')
    const record = newRecord({ principal: 'ada' })
    await assert.rejects(async () => store.create(record), StoreUnavailableError)
    assert.deepEqual(await idsOf(), [])
    assert.equal(await store.deleteAll({ principal: 'ada' }), 0)
  })

  test('counts a login that ended half-way, until nothing can come of it', async () => {
    const { store, log, members, age } = open('1500ms')
    crashBefore(log, 'EVALSHA create')
    const crashed = newRecord({ principal: 'ada' })
    await assert.rejects(async () => store.create(crashed, rejectAbove(1)), StoreUnavailableError)
    log.before = undefined

    const next = newRecord({ principal: 'ada' })
    assert.equal(await store.create(next, rejectAbove(1)), 'limit')
    await assert.rejects(async () => store.create(next, evictAbove(1)), StoreUnavailableError)
    await age(10_100)
    assert.equal(await store.create(next, rejectAbove(1)), 'created')
    assert.deepEqual(
      (await members()).map((member) => member.slice(0, 36)),
      [next.id],
    )
  })

  test('lets no write come too late: a record is not written long after its reservation', async () => {
    const { store, log, idsOf, members } = open()
    const record = newRecord({ principal: 'ada' })
    const anonymous = newRecord()
    await store.create(anonymous)
    log.before = (command, args) => {
      // What was reserved just now was reserved six seconds ago.
      const place = { 'EVALSHA create': 4, 'EVALSHA save': 7 }[command]
      if (place !== undefined && args[place] !== '') {
        args[place] = String(Number(args[place]) - 6000)
      }
    }
    await assert.rejects(async () => store.create(record), /too long after/)
    await assert.rejects(
      async () => store.save({ ...anonymous, principal: 'ada' }, 1, now),
      /too long/,
    )
    log.before = undefined
    assert.deepEqual(await idsOf(), [])
    assert.equal((await store.load([anonymous.id], now))[0]?.version, 1)
    await store.close()
    assert.deepEqual(await members(), [])
  })

  test('gives the place of a refused login back at once', async () => {
    const { store } = open()
    const taken = newRecord()
    await store.create(taken)
    const limit = rejectAbove(1)
    assert.equal(await store.create(newRecord({ id: taken.id, principal: 'ada' }), limit), 'taken')
    const late = { ...taken, principal: 'ada' }
    assert.equal(await store.save(late, 7, now, limit), 'conflict')
    assert.equal(await store.create(newRecord({ principal: 'ada' }), limit), 'created')
  })

  test('keeps a session that left and came back while its old entry was being removed', async () => {
    const { store, log, prefix } = open()
    const record = newRecord({ principal: 'ada' })
    await store.create(record)
    const removal = deferred()
    log.before = (command) => (command === 'ZREM' ? removal.promise : undefined)
    assert.equal(await store.save({ ...record, principal: 'grace' }, 1, now), 'saved')
    assert.equal(await store.save({ ...record, principal: 'ada' }, 2, now), 'saved')
    removal.resolve()
    await store.close()
    const { records } = await redisStore(client, { prefix }).list(
      { principal: 'ada', limit: 10 },
      now,
    )
    assert.deepEqual(
      records.map(({ id }) => id),
      [record.id],
    )
  })

  test('loses the sessions that Redis itself has removed when it is read, not the new ones', async () => {
    const { store, prefix, members, age, idsOf } = open()
    const records = Array.from({ length: 3 }, () => newRecord({ principal: 'ada' }))
    for (const record of records) await store.create(record)
    await client.del(records.slice(1).map(({ id }) => `${prefix}{${id}}`))
    assert.deepEqual(await idsOf(), [records[0]?.id])
    assert.equal((await members()).length, 3, 'they may be about to be written')
    await age(10_100)
    assert.deepEqual(await idsOf(), [records[0]?.id])
    await store.close()
    assert.equal((await members()).length, 1)
  })

  test('stays small if its sessions expire and nobody ever lists them', async () => {
    const { store, prefix, members, age } = open()
    for (let round = 0; round < 40; round++) {
      const records = Array.from({ length: 5 }, () => newRecord({ principal: 'ada' }))
      for (const record of records) await store.create(record)
      await client.del(records.map(({ id }) => `${prefix}{${id}}`))
      await age(10_100)
    }
    const { length } = await members()
    assert.ok(length < 40, `${length} of 200 are left`)
  })

  test('lives as long as the sessions in it may', async () => {
    const { store, index } = open()
    const day = 86_400_000
    const left = () => client.pTTL(index)
    const near = (actual: number, expected: number) =>
      assert.ok(Math.abs(actual - expected) < 60_000, `${actual} instead of ${expected}`)
    await store.create(newRecord({ principal: 'ada', absoluteExpiresAt: now + 5 * day }))
    near(await left(), 5 * day)
    const record = newRecord({ principal: 'ada', absoluteExpiresAt: now + 2 * day })
    await store.create(record)
    near(await left(), 5 * day)
    // No login, so that the session is in the index already.
    await store.save({ ...record, absoluteExpiresAt: now + 9 * day }, 1, now)
    near(await left(), 9 * day)
    assert.equal(await client.zCard(index), 2)
  })

  test('never holds more live sessions than the limit, whoever logs in and out at once', async () => {
    const prefix = newPrefix()
    const stores = [1, 2, 3].map(() => redisStore(client, { prefix }))
    let most = 0
    let stopped = false
    const observe = async () => {
      while (!stopped) {
        const page = await redisStore(client, { prefix }).list(
          { principal: 'ada', limit: 100 },
          now,
        )
        most = Math.max(most, page.records.length)
      }
    }
    const observer = observe()
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const store = stores[index % stores.length]
        const record = newRecord(index % 2 === 0 ? { principal: 'ada' } : {})
        if (index % 2 === 0) await store?.create(record, evictAbove(3))
        else {
          await store?.create(record)
          await store?.save({ ...record, principal: 'ada' }, 1, now, evictAbove(3))
        }
        if (index % 5 === 0) await store?.delete(record.id)
      }),
    )
    stopped = true
    await observer
    assert.ok(most >= 1 && most <= 3, `${most} sessions at once`)
  })
})
