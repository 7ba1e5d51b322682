import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import { redisStore } from '../../../src/redis.ts'
import {
  type RedisCluster,
  sharedRedis,
  startRedis,
  startRedisCluster,
} from '../../support/servers/redis.ts'
import type { DatabaseServer } from '../../support/servers/server-process.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { clientKinds, disconnectAll, newPrefix } from './redis-clients.ts'

interface Replicated {
  readonly url: string
  readonly replicas: readonly DatabaseServer[]
}

suite('waitReplicas', { skip: sharedRedis.skip }, () => {
  let primary: DatabaseServer
  let replica: DatabaseServer
  let cluster: RedisCluster

  before(async () => {
    const atOnce = ['--repl-diskless-sync-delay', '0']
    primary = await startRedis({ settings: atOnce })
    const settings = ['--replicaof', '127.0.0.1', String(primary.port)]
    replica = await startRedis({ settings })
    cluster = await startRedisCluster({ replicas: 1 })
  })

  after(async () => {
    disconnectAll()
    await Promise.all([primary, replica, cluster].map((server) => server.stop()))
  })

  const servers = (isCluster: boolean): Replicated =>
    isCluster
      ? { url: cluster.url, replicas: cluster.nodes.slice(3) }
      : { url: primary.url, replicas: [replica] }

  for (const { name, isCluster, connect } of clientKinds) {
    test(`has logins and logouts confirmed by replicas: ${name}`, async () => {
      const { url } = servers(isCluster)
      const store = redisStore(connect(url), { prefix: newPrefix(), waitReplicas: 1 })
      for (let count = 0; count < 10; count++) {
        const [record, anonymous] = [newRecord({ principal: 'ada' }), newRecord()]
        assert.equal(await store.create(record), 'created')
        assert.equal(await store.create(anonymous), 'created')
        assert.equal(await store.save({ ...anonymous, principal: 'ada' }, 1, now), 'saved')
        assert.equal(await store.delete(record.id), 'deleted')
        assert.equal(await store.delete(record.id), 'gone')
      }
      assert.equal(await store.deleteAll({ principal: 'ada' }), 10)
    })
  }

  for (const { name, isCluster, connect } of clientKinds) {
    test(`says that too few replicas have a logout, in time: ${name}`, async () => {
      const { url } = servers(isCluster)
      const options = { prefix: newPrefix(), timeout: '400ms', waitReplicas: 2 } as const
      const store = redisStore(connect(url), options)
      await assert.rejects(
        async () => store.create(newRecord({ principal: 'ada' })),
        (error) => {
          assert.ok(error instanceof StoreUnavailableError)
          assert.match(error.message, /only 1 of 2 replicas \(waitReplicas\) confirmed/)
          return true
        },
      )
      const record = newRecord()
      assert.equal(await store.create(record), 'created', 'nobody is logged in')
      assert.equal(await store.save(record, 1, now), 'saved')
      await assert.rejects(async () => store.delete(record.id), StoreUnavailableError)
      assert.deepEqual(await store.load([record.id], now), [], 'the primary has done it')
    })
  }
})
