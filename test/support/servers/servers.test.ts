import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sharedMysql, startMariadb } from './mariadb.ts'
import { sharedPostgres, startPostgres } from './postgres.ts'
import { sharedRedis, sharedRedisCluster, startRedis, startRedisCluster } from './redis.ts'
import { type DatabaseServer, firstAnswer } from './server-process.ts'

interface Kind {
  readonly name: string
  readonly skip: string | false
  start(): Promise<DatabaseServer>
  /** What a client says first, and how the server answers. */
  readonly question: string
  readonly answer: RegExp
}

// PostgreSQL: an SSLRequest, answered by S or N. MariaDB: the server greets first.
const kinds: readonly Kind[] = [
  {
    name: 'PostgreSQL',
    skip: sharedPostgres.skip,
    start: startPostgres,
    question: '\0\0\0\x08\x04\xd2\x16\x2f',
    answer: /^[SN]/,
  },
  {
    name: 'MariaDB',
    skip: sharedMysql.skip,
    start: startMariadb,
    question: '',
    answer: /MariaDB/,
  },
  {
    name: 'Redis',
    skip: sharedRedis.skip,
    start: startRedis,
    question: 'PING\r\n',
    answer: /^\+PONG/,
  },
]

for (const { name, skip, start, question, answer } of kinds) {
  suite(`a ${name} server of a test's own`, { skip }, () => {
    test('answers, is killed, comes back on its port, and leaves nothing behind', async () => {
      const server = await start()
      const ask = async () => (await firstAnswer(server.port, question)).toString('latin1')
      assert.match(await ask(), answer)
      await server.kill()
      await assert.rejects(ask())
      await server.start()
      assert.match(await ask(), answer)
      await server.stop()
      await assert.rejects(ask())
      assert.equal(existsSync(server.folder), false)
    })
  })
}

test('a Redis Cluster has three masters that know each other', {
  skip: sharedRedisCluster.skip,
}, async () => {
  await using cluster = await startRedisCluster()
  for (const { port } of cluster.nodes) {
    const info = String(await firstAnswer(port, 'CLUSTER INFO\r\n'))
    assert.match(info, /cluster_state:ok\r\ncluster_slots_assigned:16384\r\n/)
    assert.match(info, /cluster_size:3\r\n/)
  }
})

test('a server goes with the process that started it, even by kill -9', {
  skip: sharedRedis.skip,
}, async () => {
  const redis = fileURLToPath(new URL('redis.ts', import.meta.url))
  const program = `import { startRedis } from '${redis}'
    const { port, folder } = await startRedis()
    console.log(JSON.stringify({ port, folder }))
    setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program])
  const [line] = await once(owner.stdout, 'data')
  const { port, folder } = JSON.parse(String(line)) as { port: number; folder: string }
  assert.match(String(await firstAnswer(port, 'PING\r\n')), /PONG/)
  owner.kill('SIGKILL')
  for (let waits = 0; existsSync(folder) && waits < 100; waits++) await sleep(100)
  assert.equal(existsSync(folder), false)
  await assert.rejects(firstAnswer(port, 'PING\r\n'))
})
