import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { inspect } from 'node:util'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { SessionOptionsError, StoreUnavailableError } from '../../../src/core/errors.ts'
import { type RedisClient, redisStore } from '../../../src/redis.ts'
import { sharedRedis } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { clientKinds, disconnectAll, newPrefix, send } from './redis-clients.ts'
import { watch } from './watched-client.ts'

after(disconnectAll)

test('redisStore says what is wrong with its options, and what is allowed', () => {
  const client = createClient()
  const wrong: [options: object, message: RegExp][] = [
    [{ prefx: 'a:' }, /^prefx: .* Known are: prefix, timeout, waitReplicas\.$/],
    [{ prefix: '{a}:' }, /^prefix: .* without braces/],
    [{ prefix: 1 }, /^prefix: /],
    [{ timeout: 5000 }, /^timeout: the bare number 5000/],
    [{ timeout: '0s' }, /^timeout: /],
    [{ waitReplicas: -1 }, /^waitReplicas: /],
    [{ waitReplicas: 1.5 }, /^waitReplicas: /],
  ]
  for (const [options, message] of wrong) {
    assert.throws(() => redisStore(client, options), { name: 'SessionOptionsError', message })
  }
})

test('redisStore takes the clients that it knows, and no others', () => {
  const others: unknown[] = [undefined, null, 'redis://localhost', {}, { sendCommand() {} }, Redis]
  for (const other of others) {
    assert.throws(() => redisStore(other as RedisClient), SessionOptionsError)
  }
})

test('redisStore refuses a client that reads from replicas, which lag behind', () => {
  const cluster = new Cluster([], { lazyConnect: true, scaleReads: 'slave' })
  assert.throws(() => redisStore(cluster), /scaleReads: 'master'/)
  redisStore(new Cluster([], { lazyConnect: true }))
})

test('redisStore sees to it that a broken connection does not end the process', () => {
  const silent = [
    createClient(),
    createCluster({ rootNodes: [] }),
    new Redis({ lazyConnect: true }),
    new Cluster([], { lazyConnect: true }),
  ]
  for (const client of silent) {
    redisStore(client)
    redisStore(client)
    assert.equal(client.listenerCount('error'), 1)
  }
  const heard = createClient().on('error', () => {})
  redisStore(heard)
  assert.equal(heard.listenerCount('error'), 1)
})

test('a client that was never connected, or was closed, is an error at once', async () => {
  const client = createClient()
  await assert.rejects(async () => redisStore(client).load(['a'], now), StoreUnavailableError)
  const closed = new Redis({ lazyConnect: true })
  closed.disconnect()
  await assert.rejects(async () => redisStore(closed).load(['a'], now), StoreUnavailableError)
})

for (const { name, isCluster, server, connect } of clientKinds) {
  suite(`a store on ${name}`, { skip: server.skip }, () => {
    test('leaves the client open when it is closed', async () => {
      const client = connect(server.url)
      const prefix = newPrefix()
      const store = redisStore(client, { prefix })
      const record = newRecord()
      await store.create(record)
      await store.close()
      assert.equal((await redisStore(client, { prefix }).load([record.id], now)).length, 1)
    })

    test('sees nothing of another prefix', async () => {
      const client = connect(server.url)
      const [one, other] = [newPrefix(), newPrefix()].map((prefix) =>
        redisStore(client, { prefix }),
      )
      const record = newRecord({ principal: 'ada' })
      await one?.create(record)
      assert.deepEqual(await other?.load([record.id], now), [])
      assert.deepEqual((await other?.list({ principal: 'ada', limit: 10 }, now))?.records, [])
      assert.deepEqual((await other?.scan({ limit: 10 }, now))?.records, [])
      assert.equal(await other?.delete(record.id), 'gone')
      assert.equal(await other?.deleteAll({ principal: 'ada' }), 0)
    })

    if (isCluster) return

    test('shows no hash and no data in an error', async () => {
      const client = connect(server.url)
      const prefix = newPrefix()
      const store = redisStore(client, { prefix })
      const record = newRecord({ secretHash: 'sha256:confidential', data: 'confidential' })
      await store.load(['any'], now)
      await send(client, 'SADD', `${prefix}{${record.id}}`, 'not a string')
      const error = await Promise.resolve(store.save(record, 1, now)).catch((reason) => reason)
      assert.ok(error instanceof StoreUnavailableError)
      assert.match(String(error.cause), /WRONGTYPE/)
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('confidential'))
    })
  })
}

suite('a write through a client whose answers are lost', { skip: sharedRedis.skip }, () => {
  test('is sent once, whatever the error is', async () => {
    const kind = clientKinds.find(({ name }) => name === 'node-redis 6')
    const client = watch(kind?.connect(sharedRedis.url) as ReturnType<typeof createClient>)
    const store = redisStore(client, { prefix: newPrefix() })
    const record = newRecord()
    await store.create(record)
    await store.save(record, 1, now)
    for (const message of ['Socket closed unexpectedly', 'READONLY', 'LOADING', 'NOPERM']) {
      client.log.steps = []
      client.log.after = () => {
        throw new Error(message)
      }
      await assert.rejects(async () => store.save(record, 2, now), StoreUnavailableError)
      assert.deepEqual(client.log.steps, [['EVALSHA save']])
    }
  })

  test('is sent again as text only if the server did not know the script', async () => {
    const kind = clientKinds.find(({ name }) => name === 'node-redis 6')
    const client = watch(kind?.connect(sharedRedis.url) as ReturnType<typeof createClient>)
    const store = redisStore(client, { prefix: newPrefix() })
    const record = newRecord()
    await store.create(record)
    const sent: string[] = []
    client.log.before = (_command, args) => {
      sent.push(args[0] ?? '')
      if (args[0] === 'EVALSHA') throw new Error('NOSCRIPT No matching script.')
    }
    assert.equal(await store.save(record, 1, now), 'saved')
    assert.deepEqual(sent, ['EVALSHA', 'EVAL'])
  })
})
