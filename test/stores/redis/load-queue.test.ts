import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createClient } from 'redis'
import { StoreSetupError, StoreUnavailableError } from '../../../src/core/errors.ts'
import { redisStore } from '../../../src/redis.ts'
import { deferred } from '../../support/http-exchange.ts'
import { sharedRedis } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newPrefix } from './redis-clients.ts'
import { watch } from './watched-client.ts'

const client = createClient({ url: sharedRedis.url })
client.on('error', () => {})

suite('the loads of a store on one node', { skip: sharedRedis.skip }, () => {
  before(() => client.connect())
  after(() => client.destroy())

  function open(timeout: '5s' | '200ms' = '5s') {
    const watched = watch(client)
    const prefix = newPrefix()
    const store = redisStore(watched, { prefix, timeout })
    const { log } = watched
    /** How many keys each MGET had. */
    const sizes: number[] = []
    log.before = (command, args) => {
      if (command === 'MGET') sizes.push(args.length - 1)
    }
    return { store, watched, log, prefix, sizes }
  }

  test('that begin in one turn of the event loop are one command', async () => {
    const { store, sizes } = open()
    const records = Array.from({ length: 64 }, () => newRecord())
    await Promise.all(records.map((record) => store.create(record)))
    const loads = records.map(({ id }) => store.load([id, 'unknown'], now))
    assert.deepEqual(sizes, [], 'nothing is sent in the turn of the caller')
    for (const [index, loaded] of (await Promise.all(loads)).entries()) {
      assert.deepEqual(loaded, [records[index]])
    }
    assert.deepEqual(sizes, [128])
  })

  test('wait while two commands are under way, and then go together', async () => {
    const { store, log, sizes } = open()
    const held = deferred()
    log.after = () => held.promise
    const loads: unknown[] = []
    for (let count = 0; count < 6; count++) {
      loads.push(store.load([`id-${count}`], now))
      await turn()
      await turn()
    }
    assert.deepEqual(sizes, [1, 1])
    held.resolve()
    await Promise.all(loads)
    assert.deepEqual(sizes, [1, 1, 4])
  })

  test('never join a command that was sent before them: they see what was written', async () => {
    const { store, log, sizes } = open()
    const record = newRecord()
    await store.create(record)
    const held = deferred()
    log.after = (command) => (command === 'MGET' ? held.promise : undefined)
    const early = store.load([record.id], now)
    await turn()
    await turn()
    assert.equal(await store.save({ ...record, data: 'new' }, 1, now), 'saved')
    const late = store.load([record.id], now)
    held.resolve()
    assert.equal((await early)[0]?.data, record.data)
    assert.equal((await late)[0]?.data, 'new')
    assert.deepEqual(sizes, [1, 1])
  })

  test('of more keys than one command should read take several', async () => {
    const { store, sizes } = open()
    await Promise.all(Array.from({ length: 600 }, (_, index) => store.load([`id-${index}`], now)))
    assert.deepEqual(sizes, [256, 256, 88])
  })

  test('end in time without a connection, however many wait, and leave nothing behind', async () => {
    const { store, watched, sizes } = open('200ms')
    watched.isReady = false
    const before = performance.now()
    const loads: PromiseLike<unknown>[] = []
    for (let count = 0; count < 5; count++) {
      loads.push(Promise.resolve(store.load([`id-${count}`], now)))
      await turn()
      await turn()
    }
    for (const load of await Promise.allSettled(loads)) {
      assert.ok(load.status === 'rejected' && load.reason instanceof StoreUnavailableError)
    }
    const tookMs = performance.now() - before
    assert.ok(tookMs < 350, `${tookMs} ms`)
    watched.isReady = true
    assert.deepEqual(await store.load(['another'], now), [])
    assert.equal(sizes.at(-1), 1)
  })

  test('do not fail because another one finds something that is no session', async () => {
    const { store, prefix } = open()
    const record = newRecord()
    await store.create(record)
    await client.set(`${prefix}{poisoned}`, 'not a session')
    const [poisoned, sound] = await Promise.allSettled([
      store.load(['poisoned'], now),
      store.load([record.id], now),
    ])
    assert.ok(poisoned?.status === 'rejected' && poisoned.reason instanceof StoreSetupError)
    assert.deepEqual(sound, { status: 'fulfilled', value: [record] })
  })

  test('fail together when their command fails, and the next ones do not', async () => {
    const { store, log } = open()
    log.before = () => {
      throw new Error('Socket closed unexpectedly')
    }
    const loads = await Promise.allSettled([store.load(['a'], now), store.load(['b'], now)])
    for (const load of loads) {
      assert.ok(load.status === 'rejected' && load.reason instanceof StoreUnavailableError)
    }
    log.before = undefined
    assert.deepEqual(await store.load(['a'], now), [])
  })
})
