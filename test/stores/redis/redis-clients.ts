import { randomUUID } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis6'
import { createClient, createCluster } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'
import type { NodeRedisClient, RedisClient } from '../../../src/redis.ts'
import { sharedRedis, sharedRedisCluster } from '../../support/servers/redis.ts'
import type { SharedServer } from '../../support/servers/shared-server.ts'

/** One of the clients that the store takes. */
export interface ClientKind {
  readonly name: string
  readonly isCluster: boolean
  /** The server of the test run that it is for. */
  readonly server: SharedServer
  /** A client that has begun to connect. */
  connect(url: string): RedisClient
}

const closers: (() => void)[] = []

/** Ends the connections of all clients that were made here. */
export function disconnectAll(): void {
  for (const close of closers.splice(0)) close()
}

interface NodeRedis {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): unknown
}

function begin<T extends NodeRedis>(client: T): T {
  client.on('error', () => {})
  client.connect().catch(() => {})
  closers.push(() => {
    try {
      client.destroy()
    } catch {
      // It was closed by the test, or never connected.
    }
  })
  return client
}

interface Ioredis {
  on(event: 'error', listener: () => void): unknown
  disconnect(): void
}

function watch<T extends Ioredis>(client: T): T {
  client.on('error', () => {})
  closers.push(() => client.disconnect())
  return client
}

const node = { isCluster: false, server: sharedRedis }
const cluster = { isCluster: true, server: sharedRedisCluster }

export const clientKinds: readonly ClientKind[] = [
  { name: 'node-redis 5', ...node, connect: (url) => begin(createClient5({ url })) },
  { name: 'node-redis 6', ...node, connect: (url) => begin(createClient({ url })) },
  { name: 'ioredis 5', ...node, connect: (url) => watch(new Redis(url)) },
  { name: 'ioredis 6', ...node, connect: (url) => watch(new Redis6(url)) },
  {
    name: 'node-redis 5, cluster',
    ...cluster,
    connect: (url) => begin(createCluster5({ rootNodes: [{ url }] })),
  },
  {
    name: 'node-redis 6, cluster',
    ...cluster,
    connect: (url) => begin(createCluster({ rootNodes: [{ url }] })),
  },
  { name: 'ioredis 5, cluster', ...cluster, connect: (url) => watch(new Cluster([url])) },
  { name: 'ioredis 6, cluster', ...cluster, connect: (url) => watch(new Cluster6([url])) },
]

/** Sends a command to one node, past the store. */
export async function send(client: RedisClient, ...command: string[]): Promise<unknown> {
  if ('call' in client) return client.call(...(command as [string, ...string[]]))
  return (client as NodeRedisClient).sendCommand(command)
}

/** A prefix that no other test has: an empty database as far as a store can see. */
export function newPrefix(): string {
  return `${randomUUID()}:`
}
