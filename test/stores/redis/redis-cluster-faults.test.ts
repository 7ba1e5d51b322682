import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as elapsed } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { Store } from '../../../src/core/store.ts'
import { redisStore } from '../../../src/redis.ts'
import { type RedisCluster, startRedisCluster } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { clientKinds, disconnectAll } from './redis-clients.ts'

after(disconnectAll)

/**
 * Moves a slot to the next node, as resharding does: key by key, while clients go on.
 *
 * @returns how many keys were in it.
 */
async function moveSlot(nodes: readonly Redis[], tag: string): Promise<number> {
  const slot = Number(await nodes[0]?.call('CLUSTER', 'KEYSLOT', `{${tag}}`))
  const ids = await Promise.all(
    nodes.map((node) => node.call('CLUSTER', 'MYID') as Promise<string>),
  )
  const from = Math.floor((slot * nodes.length) / 16_384)
  const to = (from + 1) % nodes.length
  const [source, target] = [nodes[from] as Redis, nodes[to] as Redis]
  const number = String(slot)
  await target.call('CLUSTER', 'SETSLOT', number, 'IMPORTING', ids[from] as string)
  await source.call('CLUSTER', 'SETSLOT', number, 'MIGRATING', ids[to] as string)
  let count = 0
  for (;;) {
    const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', number, '1')) as string[]
    if (keys.length === 0) break
    count += keys.length
    const { host = '', port = 0 } = target.options
    await source.call('MIGRATE', host, String(port), '', '0', '5000', 'KEYS', ...keys)
    await elapsed(2)
  }
  for (const node of [
    target,
    source,
    ...nodes.filter((each) => each !== source && each !== target),
  ]) {
    await node.call('CLUSTER', 'SETSLOT', number, 'NODE', ids[to] as string)
  }
  return count
}

/** The masters, each with a connection of its own. */
async function withMasters<T>(
  cluster: RedisCluster,
  use: (nodes: Redis[]) => Promise<T>,
): Promise<T> {
  const masters = cluster.nodes.slice(0, 3)
  const nodes = masters.map(({ port }) => new Redis(port, '127.0.0.1'))
  try {
    return await use(nodes)
  } finally {
    for (const node of nodes) node.disconnect()
  }
}

/** Saves each record again and again until it is stopped. */
class Writers {
  readonly acknowledged = new Map<string, number>()
  readonly errors: unknown[] = []
  readonly #store: Store
  readonly #done: Promise<unknown>
  #stopped = false

  constructor(store: Store, records: readonly SessionRecord[]) {
    this.#store = store
    this.#done = Promise.all(records.map((record) => this.#write(record)))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #write({ id }: SessionRecord): Promise<void> {
    let wasUnavailable = false
    while (!this.#stopped) {
      await elapsed(2)
      try {
        const [loaded] = await this.#store.load([id], now)
        if (loaded === undefined) throw new Error('a session is gone')
        const outcome = await this.#store.save({ ...loaded, data: 'new' }, loaded.version, now)
        // A write that was given up may still be done by a client that goes on trying.
        if (outcome === 'conflict' && wasUnavailable) continue
        if (outcome !== 'saved') throw new Error(outcome)
        wasUnavailable = false
        this.acknowledged.set(id, loaded.version + 1)
      } catch (error) {
        this.errors.push(error)
        wasUnavailable = error instanceof StoreUnavailableError
        await elapsed(20)
      }
    }
  }
}

for (const { name, isCluster, server, connect } of clientKinds) {
  if (!isCluster) continue
  suite(`faults of a cluster, seen through ${name}`, { skip: server.skip }, () => {
    let cluster: RedisCluster
    before(async () => {
      cluster = await startRedisCluster({ replicas: 1 })
    })
    after(() => cluster.stop())

    test('slots that move to other nodes cost no write and no error', async () => {
      const store = redisStore(connect(cluster.url))
      const records = Array.from({ length: 20 }, () => newRecord({ principal: 'ada' }))
      for (const record of records) await store.create(record)
      const writers = new Writers(store, records)
      const tags = [...records.slice(0, 10).map(({ id }) => id), 'ada', '7']
      let moved = 0
      await withMasters(cluster, async (nodes) => {
        for (const tag of tags) moved += await moveSlot(nodes, tag)
      })
      assert.ok(moved > 10, `${moved} keys were moved`)
      await elapsed(100)
      await writers.stop()

      assert.deepEqual(writers.errors, [])
      for (const { id } of records) {
        const [loaded] = await store.load([id], now)
        assert.equal(loaded?.version, writers.acknowledged.get(id))
      }
      const { records: listed } = await store.list({ principal: 'ada', limit: 100 }, now)
      assert.equal(listed.length, records.length)
      assert.equal(await store.deleteAll({ principal: 'ada' }), records.length)
    })

    test('a master that fails is an error in time, until its replica has taken over', async (t) => {
      const store = redisStore(connect(cluster.url), { timeout: '1s' })
      const records = Array.from({ length: 30 }, () => newRecord())
      for (const record of records) await store.create(record)
      await elapsed(200)
      const writers = new Writers(store, records)
      await elapsed(200)
      await cluster.nodes[0]?.kill()
      await untilWritable(store, records)
      await writers.stop()

      for (const error of writers.errors)
        assert.ok(error instanceof StoreUnavailableError, `${error}`)
      // Redis answers before its replicas have a write: what a failover loses is counted, not denied.
      let lost = 0
      for (const { id } of records) {
        const [loaded] = await store.load([id], now)
        if ((loaded?.version ?? 0) < (writers.acknowledged.get(id) ?? 1)) lost++
      }
      t.diagnostic(`${lost} of ${records.length} sessions lost writes that were answered`)
    })
  })
}

/** Resolves once each session can be read and written again, without a new client. */
async function untilWritable(store: Store, records: readonly SessionRecord[]): Promise<void> {
  const deadline = performance.now() + 30_000
  for (const { id } of records) {
    for (;;) {
      try {
        await store.load([id], now)
        assert.equal(await store.touch(id, 0, now, 600_000, now), true)
        break
      } catch (error) {
        if (performance.now() > deadline || !(error instanceof StoreUnavailableError)) throw error
        await elapsed(50)
      }
    }
  }
}
