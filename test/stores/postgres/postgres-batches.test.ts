import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { SessionRecord } from '../../../src/core/session-record.ts'
import { postgresStore } from '../../../src/postgres.ts'
import { sharedPostgres } from '../../support/servers/postgres.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newDatabaseUrl, newPool, once } from './postgres-databases.ts'
import { type WatchedPool, watchedPool } from './watched-pool.ts'

const { skip } = sharedPostgres

suite('a postgresStore', { skip }, async () => {
  if (skip !== false) return
  const url = await newDatabaseUrl()

  /** A store that is connected and has its tables, and the records that it has. */
  async function open(count = 0, watched: WatchedPool = watchedPool(url)) {
    const store = postgresStore(watched.pool)
    const records = Array.from({ length: count }, () => newRecord())
    await Promise.all(records.map((record) => store.create(record)))
    await store.load([newRecord().id], now)
    watched.take()
    return { store, watched, records }
  }

  const dataOf = ({ data }: SessionRecord) => data

  test('sends the loads, saves, creates and touches of one turn as one statement each', async () => {
    const { store, watched, records } = await open(64)
    const created = [newRecord(), newRecord()]
    const outcomes = await Promise.all([
      ...records.slice(0, 32).map((record) => store.save({ ...record, data: 'new' }, 1, now)),
      ...records.slice(32).map(({ id }) => store.touch(id, 1, now + 1, 600_000, now)),
      ...records.slice(32).map(({ id }) => store.load([id], now)),
      ...created.map((record) => store.create(record)),
    ])
    assert.deepEqual(watched.take().sort(), ['create many', 'load many', 'save many', 'touch many'])
    assert.deepEqual(new Set(outcomes.slice(0, 32)), new Set(['saved']))
    assert.deepEqual(new Set(outcomes.slice(32, 64)), new Set([true]))
    const loaded = outcomes.slice(64, 96).map((found) => (found as SessionRecord[])[0]?.id)
    assert.deepEqual(
      loaded,
      records.slice(32).map(({ id }) => id),
    )
    assert.deepEqual(new Set(outcomes.slice(96)), new Set(['created']))
  })

  test('sends what one caller asks for alone, in one round trip', async () => {
    const { store, watched, records } = await open(1)
    const [record = newRecord()] = records
    await store.load([record.id], now)
    assert.deepEqual(watched.take(), ['load'])
    await store.save(record, 1, now)
    assert.deepEqual(watched.take(), ['save'])
    await store.touch(record.id, 2, now + 1, 600_000, now)
    assert.deepEqual(watched.take(), ['touch'])
    await store.create(newRecord())
    assert.deepEqual(watched.take(), ['create'])
    await store.delete(record.id)
    assert.deepEqual(watched.take(), ['delete'])
  })

  test('asks once for an id that several want, and gives each a record of his own', async () => {
    const { store, watched, records } = await open(1)
    const [{ id } = newRecord()] = records
    const [first, second, expired] = await Promise.all([
      store.load([id], now),
      store.load([id, id], now),
      store.load([id], now + 600_000),
    ])
    assert.deepEqual(watched.take(), ['load'])
    assert.equal(first?.length, 1)
    assert.equal(second?.length, 1)
    assert.deepEqual(expired, [], 'live as of the present of the caller')
    assert.notEqual(first?.[0], second?.[0])
  })

  test('holds a second save of one session back until the first is answered', async () => {
    const { store, watched, records } = await open(2)
    const [one = newRecord(), other = newRecord()] = records
    const outcomes = await Promise.all([
      store.save({ ...one, data: 'first' }, 1, now),
      store.save(other, 1, now),
      store.save({ ...one, data: 'second' }, 1, now),
      store.save({ ...one, data: 'third' }, 2, now),
    ])
    assert.deepEqual(outcomes, ['saved', 'saved', 'conflict', 'saved'])
    assert.equal(watched.take().length, 4, 'two sessions, the conflict and its reason, the third')
    assert.deepEqual((await store.load([one.id], now)).map(dataOf), ['third'])
  })

  test('does not fail many because of one that cannot be stored', async () => {
    const { store, records } = await open(2)
    const [before = newRecord(), after = newRecord()] = records
    const results = await Promise.allSettled([
      store.save({ ...before, data: 'new' }, 1, now),
      store.save({ ...newRecord(), userAgent: 'a\0b' }, 1, now),
      store.save({ ...after, data: 'new' }, 1, now),
      store.create(newRecord()),
      store.create(newRecord({ version: 1.5 })),
      store.create(newRecord()),
    ])
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code)),
      ['saved', '22021', 'saved', 'created', '22P02', 'created'],
    )
  })

  test('keeps payloads apart that hold every delimiter', async () => {
    const { store } = await open()
    const delimiters = ['\x1f', '\x1e', '\x1d']
    const texts = [...delimiters, delimiters.join(''), '', 'a\x1f', '\x1fa', '{"a":"\\u001f"}']
    for (const count of [1, 2, texts.length]) {
      const records = texts.slice(0, count).map((data) => newRecord({ data }))
      await Promise.all(records.map((record) => store.create(record)))
      const loaded = await Promise.all(records.map(({ id }) => store.load([id], now)))
      assert.deepEqual(loaded.flat().map(dataOf), records.map(dataOf))
    }
  })

  test('sees every write in the loads that are asked for after its answer', async () => {
    const { store } = await open()
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        const record = newRecord({ data: '1' })
        await store.create(record)
        for (let version = 1; version <= 20; version++) {
          const pending = store.load([record.id], now)
          await store.save({ ...record, data: `${version + 1}` }, version, now)
          const [fresh] = await store.load([record.id], now)
          assert.equal(fresh?.version, version + 1)
          await pending
        }
      }),
    )
  })

  test('never waits in a circle with another one that writes the same rows', async () => {
    const [first, second] = [await open(40), await open()]
    const { records } = first
    const deadlocks = async () => Number((await counters())?.['deadlocks'])
    const before = await deadlocks()
    for (let version = 1; version <= 30; version++) {
      const writes = records.map((record) => () => first.store.save(record, version, now))
      const others = records.toReversed().map(
        ({ id }) =>
          () =>
            second.store.touch(id, version, now + version, 600_000, now),
      )
      const results = await Promise.all([...writes, ...others].map((write) => write()))
      assert.ok(results.every((outcome) => outcome === 'saved' || outcome === true))
    }
    assert.equal(await deadlocks(), before)
  })

  async function counters(): Promise<Record<string, unknown> | undefined> {
    await once(url, 'SELECT pg_stat_force_next_flush()').catch(() => {})
    const rows = await once(
      url,
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    )
    return rows[0] as Record<string, unknown> | undefined
  }

  test('tries again where the server ends a deadlock at its expense', async () => {
    const { store, watched, records } = await open(2)
    const [low, high] = records.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    assert.ok(low !== undefined && high !== undefined)
    const rival = await newPool(url).connect()
    try {
      // The rival holds the second row; the store locks the first and waits for the second; the rival
      // asks for the first. It is patient, so that the server picks the store.
      await rival.query("SET deadlock_timeout = '30s'")
      await rival.query('BEGIN')
      await rival.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [high.id])
      const saves = Promise.all([store.save(low, 1, now), store.save(high, 1, now)])
      while (!(await isWaiting())) await turn()
      await rival.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [low.id])
      await rival.query('COMMIT')
      assert.deepEqual(await saves, ['saved', 'saved'])
      assert.deepEqual(watched.take(), ['save many', 'save many'])
    } finally {
      rival.release(true)
    }
  })

  async function isWaiting(): Promise<boolean> {
    const rows = await once(
      url,
      `SELECT 1 FROM pg_stat_activity
       WHERE wait_event_type = 'Lock' AND datname = current_database()`,
    )
    return rows.length > 0
  }

  test('does not repeat a write whose answer was lost, so that nothing counts twice', async () => {
    await using proxy = await tcpProxy(Number(new URL(url).port))
    const { store, watched, records } = await open(3, watchedPool(proxy.through(url)))
    for (const count of [1, 3]) {
      const before = await Promise.all(records.map(({ id }) => store.load([id], now)))
      const written = before.flat().slice(0, count)
      watched.take()
      const lost = proxy.loseNextAnswer()
      const results = await Promise.allSettled(
        written.map((record) => store.save({ ...record, data: 'counted' }, record.version, now)),
      )
      await lost
      for (const result of results) {
        assert.ok(result.status === 'rejected')
        assert.ok(result.reason instanceof StoreUnavailableError)
      }
      assert.equal(watched.take().length, 1)
      const after = await Promise.all(written.map(({ id }) => store.load([id], now)))
      for (const [index, record] of after.flat().entries()) {
        assert.equal(record.version, (written[index]?.version ?? 0) + 1, 'committed, and once')
      }
    }
  })

  test('never sends what has waited for a connection too long', async () => {
    const pool = newPool(url, { max: 1 })
    const store = postgresStore(pool, { timeout: '500ms' })
    const record = newRecord()
    await store.load([record.id], now)
    const only = await pool.connect()
    try {
      await assert.rejects(store.create(record) as Promise<unknown>, {
        code: 'ERR_SESSION_STORE_UNAVAILABLE',
        message: /no free connection within 500 ms .* Nothing was sent/,
      })
    } finally {
      only.release()
    }
    assert.deepEqual(await store.load([record.id], now), [])
    assert.equal(await store.create(record), 'created')
  })

  test('gives up a statement that takes too long, and its connection with it', async () => {
    const pool = newPool(url, { max: 2 })
    const store = postgresStore(pool, { timeout: '1s' })
    const record = newRecord()
    await store.create(record)
    const rival = await newPool(url).connect()
    try {
      await rival.query('BEGIN')
      await rival.query('SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE', [record.id])
      const late = {
        code: 'ERR_SESSION_STORE_UNAVAILABLE',
        message: /did not answer within 1000 ms/,
      }
      await assert.rejects(store.save(record, 1, now) as Promise<unknown>, late)
      await assert.rejects(store.delete(record.id) as Promise<unknown>, late)
      assert.equal((await store.load([record.id], now)).length, 1, 'others are not affected')
      await rival.query('COMMIT')
    } finally {
      rival.release()
    }
    assert.equal(await store.create(newRecord()), 'created')
    assert.equal(pool.totalCount <= 2, true)
  })
})
