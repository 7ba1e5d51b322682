import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { setTimeout as elapsed } from 'node:timers/promises'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { Store } from '../../../src/core/store.ts'
import { createSessions } from '../../../src/index.ts'
import { redisStore } from '../../../src/redis.ts'
import { signIn } from '../../../src/testing.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { clientKinds, disconnectAll, send } from './redis-clients.ts'
import { startProxy } from './tcp-proxy.ts'

after(disconnectAll)

/** Fails unless it rejects with StoreUnavailableError, and soon. */
async function assertUnavailable(verb: () => unknown, withinMs = 2000): Promise<void> {
  const before = performance.now()
  await assert.rejects(async () => verb(), StoreUnavailableError)
  const tookMs = performance.now() - before
  assert.ok(tookMs < withinMs, `it took ${tookMs} ms`)
}

/** Resolves when the store works again, by itself. */
async function untilAvailable(store: Store): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await store.load(['any'], now)
      return
    } catch (error) {
      if (attempt > 100 || !(error instanceof StoreUnavailableError)) throw error
      await elapsed(50)
    }
  }
}

for (const { name, isCluster, server: shared, connect } of clientKinds) {
  if (isCluster) continue
  suite(`faults of a server, seen through ${name}`, { skip: shared.skip }, () => {
    test('an app that starts before its Redis gets errors in time, and works later', async () => {
      await using server = await startRedis()
      await server.kill()
      const store = redisStore(connect(server.url), { timeout: '300ms' })
      const record = newRecord()
      const verbs = [
        () => store.load([record.id], now),
        () => store.create(record),
        () => store.save(record, 1, now),
        () => store.touch(record.id, 1, now, 600_000, now),
        () => store.delete(record.id),
        () => store.deleteAll({ principal: 'ada' }),
        () => store.list({ principal: 'ada', limit: 10 }, now),
        () => store.scan({ limit: 10 }, now),
        () => store.sweep(now, 10),
      ]
      await Promise.all(verbs.map((verb) => assertUnavailable(verb)))
      await server.start()
      await untilAvailable(store)
      assert.equal(await store.create(record), 'created')
    })

    test('what was given up while there was no server is not done later', async () => {
      await using server = await startRedis({ durable: true })
      const store = redisStore(connect(server.url), { timeout: '300ms' })
      const records = Array.from({ length: 20 }, () => newRecord())
      for (const record of records) await store.create(record)
      await server.kill()
      await assert.rejects(async () => store.load(['any'], now), StoreUnavailableError)
      await Promise.all(records.map(({ id }) => assertUnavailable(() => store.delete(id))))
      await server.start()
      await untilAvailable(store)
      const loaded = await Promise.all(records.map(({ id }) => store.load([id], now)))
      assert.equal(loaded.flat().length, records.length)
    })

    test('no acknowledged write is lost when a durable server is killed and restarted', async () => {
      await using server = await startRedis({ durable: true })
      const store = redisStore(connect(server.url), { timeout: '500ms' })
      const records = Array.from({ length: 20 }, () => newRecord())
      for (const record of records) await store.create(record)
      const acknowledged = new Map<string, number>()
      let stopped = false
      const write = async ({ id }: SessionRecord) => {
        while (!stopped) {
          try {
            const [loaded] = await store.load([id], now)
            assert.ok(loaded !== undefined, 'an acknowledged session is gone')
            const outcome = await store.save({ ...loaded, data: 'new' }, loaded.version, now)
            assert.equal(outcome, 'saved')
            acknowledged.set(id, loaded.version + 1)
          } catch (error) {
            assert.ok(error instanceof StoreUnavailableError, String(error))
            await elapsed(20)
          }
        }
      }
      const writers = records.map(write)
      for (let kills = 0; kills < 2; kills++) {
        await elapsed(200)
        await server.kill()
        await elapsed(100)
        await server.start()
        await untilAvailable(store)
      }
      await elapsed(100)
      stopped = true
      await Promise.all(writers)
      for (const { id } of records) {
        const [loaded] = await store.load([id], now)
        const version = acknowledged.get(id) ?? 1
        assert.ok(version > 2, 'nothing was written')
        // One more may have been done without being answered.
        assert.ok(
          loaded !== undefined && loaded.version >= version,
          `${loaded?.version} ${version}`,
        )
      }
    })

    test('scripts that the server has forgotten are sent again', async () => {
      await using server = await startRedis()
      const client = connect(server.url)
      const store = redisStore(client)
      const record = newRecord()
      await store.create(record)
      const flusher = new AbortController()
      const flushing = (async () => {
        while (!flusher.signal.aborted) {
          await send(client, 'SCRIPT', 'FLUSH')
          await elapsed(1)
        }
      })()
      for (let version = 1; version <= 200; version++) {
        assert.equal(await store.save(record, version, now), 'saved')
      }
      flusher.abort()
      await flushing
    })

    test('a write that was done but never answered is not counted twice', async () => {
      await using server = await startRedis()
      await using proxy = await startProxy(server.port)
      const store = redisStore(connect(`redis://127.0.0.1:${proxy.port}`), { timeout: '2s' })
      const sessions = createSessions<{ counter: number }>({
        store,
        cookie: { secure: false },
        sweepInterval: false,
        onEvent: () => {},
      })
      const cookie = await signIn(sessions, { data: { counter: 0 } })
      const count = async () => {
        const session = await sessions.open({ cookie })
        session.update('counter', (before = 0) => before + 1)
        return () => Promise.resolve(sessions.save(session))
      }
      await (await count())()
      const save = await count()
      proxy.loseAnswers()
      const saved = save()
      await elapsed(100)
      proxy.cut()
      await assert.rejects(saved, StoreUnavailableError)
      await untilAvailable(store)
      assert.equal((await sessions.open({ cookie })).get('counter'), 2)
      await sessions.close()
    })

    test('a server that cannot be reached is an error in time, and works when it can', async () => {
      await using server = await startRedis()
      await using proxy = await startProxy(server.port)
      const store = redisStore(connect(`redis://127.0.0.1:${proxy.port}`), { timeout: '300ms' })
      const record = newRecord()
      await store.create(record)
      proxy.hold(true)
      const loads = Array.from({ length: 10 }, () => () => store.load([record.id], now))
      await Promise.all(loads.map((load) => assertUnavailable(load)))
      await assertUnavailable(() => store.touch(record.id, 1, now, 600_000, now))
      await assertUnavailable(() => store.load([record.id], now))
      proxy.hold(false)
      await untilAvailable(store)
      assert.equal((await store.load([record.id], now)).length, 1)
    })

    test('connections that are slow, and cut again and again, cost no answer its truth', async () => {
      await using server = await startRedis()
      await using proxy = await startProxy(server.port)
      const store = redisStore(connect(`redis://127.0.0.1:${proxy.port}`), { timeout: '1s' })
      const record = newRecord({ data: '0' })
      await store.create(record)
      proxy.delayMs = 2
      let acknowledged = 0
      let unknown = 0
      const until = performance.now() + 1500
      const cutting = (async () => {
        while (performance.now() < until) {
          await elapsed(150)
          proxy.cut()
        }
      })()
      while (performance.now() < until) {
        try {
          const [loaded] = await store.load([record.id], now)
          assert.ok(loaded !== undefined)
          const next = { ...loaded, data: String(Number(loaded.data) + 1) }
          const outcome = await store.save(next, loaded.version, now)
          assert.equal(outcome, 'saved', 'there is no other writer')
          acknowledged++
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error
          unknown++
        }
      }
      await cutting
      await untilAvailable(store)
      const [loaded] = await store.load([record.id], now)
      const count = Number(loaded?.data)
      assert.ok(acknowledged > 0 && count >= acknowledged && count <= acknowledged + unknown)
    })
  })
}
