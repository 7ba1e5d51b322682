import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram, type ServerProgram } from './install.ts'
import {
  type DatabaseServer,
  firstAnswer,
  freePort,
  type ServerCommand,
  serverFolder,
  startServer,
} from './server-process.ts'
import { sharedServer } from './shared-server.ts'

export const redisProgram: ServerProgram = {
  names: ['redis-server', 'valkey-server'],
  debianPackage: 'redis-server',
}

/** The Redis (or Valkey) server of this test run. */
export const sharedRedis = sharedServer('redis', 'REDIS_URL')

/** The Redis Cluster of this test run: the URL of one of its nodes. */
export const sharedRedisCluster = sharedServer('redis-cluster', 'REDIS_CLUSTER_URL')

export interface RedisServerOptions {
  /** Whether what was answered survives a crash. Default false, which is faster. */
  readonly durable?: boolean
  /** Further settings, such as `['--maxmemory', '10mb']`. */
  readonly settings?: readonly string[]
}

/** Starts a Redis server of one's own, to be killed and restarted at will. */
export async function startRedis(options: RedisServerOptions = {}): Promise<DatabaseServer> {
  const { durable = false, settings = [] } = options
  const program = findProgram(redisProgram)
  if (program === undefined) throw new Error('There is no Redis on this machine.')
  const folder = serverFolder('redis')
  const port = await freePort()
  const command: ServerCommand = {
    folder,
    port,
    command: program,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...(durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
      ...settings,
    ],
    stopSignal: 'SIGKILL',
    isReady: async () => (await ask(port, 'PING')).startsWith('+PONG'),
  }
  return startServer(command, `redis://127.0.0.1:${port}`)
}

export interface RedisCluster extends AsyncDisposable {
  /** Of one node; the others become known through it. */
  readonly url: string
  readonly nodes: readonly DatabaseServer[]
  stop(): Promise<void>
}

export interface RedisClusterOptions extends RedisServerOptions {
  /** Of each master. Default 0. */
  readonly replicas?: number
}

const MASTERS = 3
const SLOTS = 16_384

/** Starts a Redis Cluster of three masters of one's own. Nodes: the masters first, in slot order. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { replicas = 0, ...nodeOptions } = options
  const count = MASTERS * (1 + replicas)
  const nodes = await Promise.all(
    Array.from({ length: count }, async () => {
      // Its own choice, port + 10000, may be taken.
      const clusterPort = String(await freePort())
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', clusterPort]
      const settings = [...cluster, '--cluster-node-timeout', '2000', ...(options.settings ?? [])]
      return { server: await startRedis({ ...nodeOptions, settings }), clusterPort }
    }),
  )
  const servers = nodes.map(({ server }) => server)
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())))
  try {
    const [first] = servers
    if (first === undefined) throw new Error('no node')
    for (const [index, { port }] of servers.slice(0, MASTERS).entries()) {
      const begin = Math.ceil((index * SLOTS) / MASTERS)
      const end = Math.ceil(((index + 1) * SLOTS) / MASTERS) - 1
      await ok(port, `CLUSTER ADDSLOTSRANGE ${begin} ${end}`)
      await ok(port, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`)
    }
    for (const { server, clusterPort } of nodes.slice(1)) {
      await ok(first.port, `CLUSTER MEET 127.0.0.1 ${server.port} ${clusterPort}`)
    }
    await untilAll(servers, 'CLUSTER INFO', `cluster_known_nodes:${count}\r\n`)
    for (const [index, { port }] of servers.slice(MASTERS).entries()) {
      const id = await ask(servers[index % MASTERS]?.port ?? 0, 'CLUSTER MYID')
      await ok(port, `CLUSTER REPLICATE ${id.split('\r\n')[1]}`)
    }
    await untilAll(servers, 'CLUSTER INFO', 'cluster_state:ok\r\n')
    await untilAll(servers.slice(MASTERS), 'INFO replication', 'master_link_status:up\r\n')
    return { url: first.url, nodes: servers, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function untilAll(servers: readonly DatabaseServer[], question: string, wanted: string) {
  const deadline = performance.now() + 20_000
  for (const { port, folder } of servers) {
    while (!(await ask(port, question)).includes(wanted)) {
      if (performance.now() > deadline) {
        throw new Error(`The cluster did not come up: see ${join(folder, 'log')}.`)
      }
      await sleep(50)
    }
  }
}

async function ok(port: number, command: string): Promise<void> {
  const answer = await ask(port, command)
  if (!answer.startsWith('+OK')) throw new Error(`${command}: ${answer}`)
}

async function ask(port: number, command: string): Promise<string> {
  return String(await firstAnswer(port, `${command}\r\n`))
}
