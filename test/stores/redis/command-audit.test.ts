import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, suite, test } from 'node:test'
import { createClient, createCluster } from 'redis'
import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { Store } from '../../../src/core/store.ts'
import { createSessions } from '../../../src/index.ts'
import { redisStore } from '../../../src/redis.ts'
import * as scripts from '../../../src/stores/redis/redis-scripts.ts'
import { manualClock, signIn } from '../../../src/testing.ts'
import { sharedRedis, sharedRedisCluster } from '../../support/servers/redis.ts'
import { newRecord, now } from '../sqlite/records.ts'
import { newPrefix } from './redis-clients.ts'
import { type CommandLog, watch, watchCluster } from './watched-client.ts'

interface Documented {
  readonly sent: string[]
  readonly afterwards: string[]
}

/** What docs/stores/redis.md says, by what it is for: steps such as `ZRANGE, then MGET`. */
function documented(column: 1 | 2): Map<string, Documented> {
  const page = readFileSync(new URL('../../../docs/stores/redis.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split('## What is sent')
  const rows = (section.split('\n## ')[0] ?? '').match(/^\| [a-z].*$/gm) ?? []
  return new Map(
    rows.map((row) => {
      const cells = row.split('|').map((cell) => cell.trim().replaceAll('`', ''))
      const stepsOf = (cell: string) => cell.split(', then ').filter((step) => step !== '')
      return [
        cells[1] ?? '',
        { sent: stepsOf(cells[column + 1] ?? ''), afterwards: stepsOf(cells[4] ?? '') },
      ]
    }),
  )
}

interface Action {
  /** Whose session it is beforehand. */
  readonly principal: string | null
  readonly run: (store: Store, record: SessionRecord) => unknown
}

/** By the names that the docs have for them. */
const actions: Readonly<Record<string, Action>> = {
  'read a session': {
    principal: 'ada',
    run: (store, { id }) => store.load([id], now),
  },
  'write a session': {
    principal: 'ada',
    run: (store, record) => store.save({ ...record, data: 'new' }, 1, now),
  },
  'touch it': {
    principal: 'ada',
    run: (store, { id }) => store.touch(id, 1, now, 600_000, now),
  },
  'create an anonymous session': {
    principal: null,
    run: (store) => store.create(newRecord()),
  },
  'create one of a principal': {
    principal: null,
    run: (store) => store.create(newRecord({ principal: 'ada' })),
  },
  'log in to a session that is there': {
    principal: null,
    run: (store, record) => store.save({ ...record, principal: 'ada' }, 1, now),
  },
  'log out': {
    principal: 'ada',
    run: (store, { id }) => store.delete(id),
  },
  'list the sessions of a principal': {
    principal: 'ada',
    run: (store) => store.list({ principal: 'ada', limit: 10 }, now),
  },
}

const client = createClient({ url: sharedRedis.url })
const cluster = createCluster({ rootNodes: [{ url: sharedRedisCluster.url }] })
client.on('error', () => {})
cluster.on('error', () => {})

before(async () => {
  const nodes: Pick<typeof client, 'sendCommand'>[] = []
  if (sharedRedis.skip === false) nodes.push(await client.connect())
  if (sharedRedisCluster.skip === false) {
    await cluster.connect()
    nodes.push(...(await Promise.all(cluster.masters.map((each) => cluster.nodeClient(each)))))
  }
  // Whichever test comes first would otherwise see a script that the server does not know yet.
  for (const { text } of Object.values(scripts)) {
    for (const node of nodes) await node.sendCommand(['SCRIPT', 'LOAD', text])
  }
})

after(() => {
  if (client.isOpen) client.destroy()
  if (cluster.isOpen) cluster.destroy()
})

const topologies = [
  {
    name: 'one node',
    column: 1,
    skip: sharedRedis.skip,
    open() {
      const watched = watch(client)
      return { store: redisStore(watched, { prefix: newPrefix() }), log: watched.log }
    },
  },
  {
    name: 'a cluster',
    column: 2,
    skip: sharedRedisCluster.skip,
    open() {
      const watched = watchCluster(cluster)
      return { store: redisStore(watched, { prefix: newPrefix() }), log: watched.log }
    },
  },
] as const

for (const { name, column, skip, open } of topologies) {
  suite(`what is sent to ${name} is what the docs say`, { skip }, () => {
    const table = documented(column)

    test('for each action that they name, and no other', () => {
      assert.deepEqual([...table.keys()].toSorted(), Object.keys(actions).toSorted())
    })

    for (const [action, { principal, run }] of Object.entries(actions)) {
      test(`to ${action}`, async () => {
        const { store, log } = open()
        const record = newRecord({ principal })
        await store.create(record)
        log.steps = []
        await run(store, record)
        const expected = table.get(action)
        const sent = stepsOf(log)
        assert.deepEqual(sent.slice(0, expected?.sent.length), expected?.sent)
        await store.close()
        assert.deepEqual(stepsOf(log).slice(expected?.sent.length), expected?.afterwards)
      })
    }

    test('also through requests: none without a cookie, one to read, one more to write', async () => {
      const { store, log } = open()
      const sessions = createSessions<{ name: string }>({
        store,
        clock: manualClock(now),
        cookie: { secure: false },
        sweepInterval: false,
      })
      const cookie = await signIn(sessions, { data: { name: 'Ada' } })
      const request = async (given: string | null, name?: string) => {
        log.steps = []
        const session = await sessions.open({ cookie: given })
        if (name !== undefined) session.set('name', name)
        else session.get('name')
        await sessions.save(session)
        return stepsOf(log)
      }
      const read = table.get('read a session')?.sent ?? []
      const write = table.get('write a session')?.sent ?? []
      assert.deepEqual(await request(null), [])
      assert.deepEqual(await request('session=unknown'), [])
      assert.deepEqual(await request(cookie), read)
      assert.deepEqual(await request(cookie, 'Grace'), [...read, ...write])
      await sessions.close()
    })
  })
}

function stepsOf({ steps }: CommandLog): string[] {
  return steps.map((step) => step.join(' and '))
}
