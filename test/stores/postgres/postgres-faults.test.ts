import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { Store } from '../../../src/core/store.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { sharedPostgres, startPostgres } from '../../support/servers/postgres.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { atEnd, newPool, once } from './postgres-databases.ts'

const { skip } = sharedPostgres

/** Long enough for a busy machine, short enough to wait for. */
const TIMEOUT_MS = 1500
const timeout = '1500ms'
// What the verbs may take beyond their timeout until they have said so.
const SLACK_MS = 1000

interface Tally {
  readonly acknowledged: Map<string, number>
  succeeded: number
  failed: number
  slowestMs: number
}

/**
 * Creates and saves sessions without pause until it is stopped. Everything has to end in time, as a
 * success or as StoreUnavailableError.
 */
function traffic(store: Store, workers = 16): { tally: Tally; stop(): Promise<void> } {
  const tally: Tally = { acknowledged: new Map(), succeeded: 0, failed: 0, slowestMs: 0 }
  let isStopped = false
  const running = Array.from({ length: workers }, async () => {
    while (!isStopped) {
      const record = newRecord()
      if ((await attempt(tally, () => store.create(record))) !== 'created') continue
      tally.acknowledged.set(record.id, 1)
      for (let version = 1; version < 5 && !isStopped; version++) {
        const outcome = await attempt(tally, () => store.save(record, version, now))
        if (outcome !== 'saved') break
        tally.acknowledged.set(record.id, version + 1)
        await attempt(tally, () => store.load([record.id], now))
      }
    }
  })
  return {
    tally,
    async stop() {
      isStopped = true
      await Promise.all(running)
    },
  }
}

async function attempt<T>(tally: Tally, verb: () => T | Promise<T>): Promise<T | undefined> {
  const begun = performance.now()
  try {
    const outcome = await verb()
    tally.succeeded++
    return outcome
  } catch (error) {
    assert.ok(error instanceof StoreUnavailableError, String(error))
    tally.failed++
    await sleep(10)
    return undefined
  } finally {
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begun)
  }
}

async function untilItWorks(store: Store, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      assert.equal(await store.create(newRecord()), 'created')
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(20)
    }
  }
}

suite('a postgresStore whose server fails', { skip }, async () => {
  if (skip !== false) return
  const server = await startPostgres({ durable: true })
  atEnd(() => server.stop())

  const connection = { connectionTimeoutMillis: 1000 }
  const open = (url = server.url) => postgresStore(newPool(url, connection), { timeout })

  async function assertNothingLost(store: Store, { acknowledged }: Tally): Promise<void> {
    const ids = [...acknowledged.keys()]
    for (let index = 0; index < ids.length; index += 100) {
      const page = ids.slice(index, index + 100)
      const records = await store.load(page, now)
      const versions = new Map(records.map(({ id, version }) => [id, version]))
      for (const id of page) {
        // One more than acknowledged: its answer was lost.
        const beyond = (versions.get(id) ?? 0) - (acknowledged.get(id) ?? 0)
        assert.ok(beyond === 0 || beyond === 1, `${id}: ${beyond} saves more than acknowledged`)
      }
    }
  }

  test('may be used before the server is up, and works as soon as it is', async () => {
    await server.kill()
    const store = open()
    const begun = performance.now()
    await assert.rejects(store.create(newRecord()) as Promise<unknown>, StoreUnavailableError)
    await assert.rejects(
      store.load([newRecord().id], now) as Promise<unknown>,
      StoreUnavailableError,
    )
    assert.ok(performance.now() - begun < TIMEOUT_MS, 'told at once')
    await server.start()
    await untilItWorks(store)
  })

  test('loses nothing acknowledged when the server is killed under load, and recovers', async () => {
    const store = open()
    const { tally, stop } = traffic(store)
    while (tally.acknowledged.size < 50) await sleep(10)
    await server.kill()
    await sleep(300)
    await server.start()
    const { succeeded } = tally
    await untilItWorks(store)
    while (tally.succeeded < succeeded + 50) await sleep(10)
    await stop()
    assert.ok(tally.failed > 0)
    assert.ok(tally.slowestMs < TIMEOUT_MS + SLACK_MS, `took ${tally.slowestMs} ms`)
    await assertNothingLost(store, tally)
  })

  test('recovers from a server that shuts down and comes back', async () => {
    const store = open()
    const { tally, stop } = traffic(store)
    while (tally.acknowledged.size < 50) await sleep(10)
    await server.kill('SIGINT')
    await server.start()
    await untilItWorks(store)
    await stop()
    await assertNothingLost(store, tally)
  })

  test('recovers from all of its connections being ended, again and again', async () => {
    const store = open()
    const { tally, stop } = traffic(store)
    for (let round = 0; round < 5; round++) {
      await sleep(50)
      await once(
        server.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      )
    }
    await untilItWorks(store)
    await stop()
    await assertNothingLost(store, tally)
  })

  test('says so while the server is read-only, still reads, and recovers', async () => {
    const store = open()
    const record = newRecord()
    await store.create(record)
    await readOnly('on')
    const writes = [
      () => store.create(newRecord()),
      () => store.save(record, 1, now),
      () => store.touch(record.id, 1, now + 1, 600_000, now),
      () => store.delete(record.id),
      () => store.deleteAll({ principal: 'ada' }),
      () => store.sweep(now, 10),
    ]
    for (const write of writes) await assert.rejects(async () => write(), StoreUnavailableError)
    assert.equal((await store.load([record.id], now)).length, 1)
    await readOnly('off')
    assert.equal(await store.save(record, 1, now), 'saved')
  })

  async function readOnly(value: 'on' | 'off'): Promise<void> {
    const alone = (sql: string) => once(server.url, sql)
    await alone(`SET default_transaction_read_only = off`)
    await alone(`ALTER SYSTEM SET default_transaction_read_only = ${value}`)
    await alone('SELECT pg_reload_conf()')
    for (;;) {
      const [row] = await alone('SHOW default_transaction_read_only')
      if (Object.values(row as object)[0] === value) return
      await sleep(10)
    }
  }

  test('works on a slow network', async () => {
    await using proxy = await tcpProxy(server.port)
    const store = open(proxy.through(server.url))
    proxy.delay(50)
    const record = newRecord()
    assert.equal(await store.create(record), 'created')
    assert.equal((await store.load([record.id], now)).length, 1)
  })

  test('recovers from connections that are cut under load', async () => {
    await using proxy = await tcpProxy(server.port)
    const store = open(proxy.through(server.url))
    const { tally, stop } = traffic(store)
    while (tally.acknowledged.size < 50) await sleep(10)
    for (let round = 0; round < 5; round++) {
      proxy.cutOnce()
      await sleep(50)
    }
    proxy.cut()
    await sleep(200)
    proxy.pass()
    await untilItWorks(store)
    await stop()
    assert.ok(tally.failed > 0)
    assert.ok(tally.slowestMs < TIMEOUT_MS + SLACK_MS, `took ${tally.slowestMs} ms`)
    await assertNothingLost(store, tally)
  })

  test('ends every verb in time on a network that swallows everything, and recovers', async () => {
    await using proxy = await tcpProxy(server.port)
    const store = open(proxy.through(server.url))
    const { tally, stop } = traffic(store)
    while (tally.acknowledged.size < 50) await sleep(10)
    proxy.blackhole()
    const { failed } = tally
    await sleep(TIMEOUT_MS * 2)
    assert.ok(tally.failed > failed)
    proxy.pass()
    await untilItWorks(store, 4 * TIMEOUT_MS)
    await stop()
    assert.ok(tally.slowestMs < TIMEOUT_MS + SLACK_MS, `took ${tally.slowestMs} ms`)
    await assertNothingLost(open(), tally)
  })

  test('waits longer than lock_timeout for a row, and ends at statement_timeout', async () => {
    const impatient = { ...connection, options: '-c lock_timeout=50ms' }
    const store = postgresStore(newPool(server.url, impatient), { timeout: '5s' })
    const record = newRecord()
    await store.create(record)
    const rival = await newPool(server.url).connect()
    await rival.query('BEGIN')
    await rival.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [record.id])
    const saved = Promise.all([store.save(record, 1, now), store.create(newRecord())])
    await sleep(200)
    const brief = { ...connection, options: '-c statement_timeout=50ms' }
    await assert.rejects(
      postgresStore(newPool(server.url, brief)).save(record, 1, now) as Promise<unknown>,
      StoreUnavailableError,
    )
    await rival.query('COMMIT')
    rival.release()
    assert.deepEqual(await saved, ['saved', 'created'])
  })

  test('deletes, evicts, sweeps, saves and touches the same sessions at once, without an error', async () => {
    const stores = [open(), open(), open()]
    const limit = { max: 5, onExceed: 'evict-oldest' } as const
    const deadline = performance.now() + 2000
    const records = Array.from({ length: 30 }, (_, index) =>
      newRecord({ principal: `user ${index % 3}`, expiresAt: now + index * 1000 }),
    )
    const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T
    const verbs: ((store: Store) => unknown)[] = [
      (store) => Promise.all(records.map((record) => store.touch(record.id, 1, now, 9, now))),
      (store) => Promise.all(records.toReversed().map((record) => store.save(record, 1, now))),
      (store) => store.create(newRecord({ principal: pick(records).principal }), limit),
      (store) => store.save(pick(records), 1, now, limit),
      (store) => store.create(pick(records)),
      (store) => store.sweep(now + 10_000_000, 20),
      (store) => store.delete(pick(records).id),
      (store) => store.deleteAll({ principal: `user ${Math.floor(Math.random() * 3)}` }),
    ]
    await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        while (performance.now() < deadline) await pick(verbs)(stores[index % 3] ?? open())
      }),
    )
  })
})
