// Compiled, never run: the clients that the store takes, as an app's author makes them.

import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis6'
import { createClient, createCluster, createSentinel } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5'
import { redisStore } from '../../../src/redis.ts'

const nodes = [{ url: 'redis://localhost:6379' }]

export const stores = [
  redisStore(createClient()),
  redisStore(await createClient({ url: 'redis://localhost' }).connect()),
  redisStore(createClient({ RESP: 3, socket: { host: 'localhost' } })),
  redisStore(createCluster({ rootNodes: nodes }), { waitReplicas: 1 }),
  redisStore(await createClient5().connect(), { prefix: 'app:', timeout: '2s' }),
  redisStore(createClient5({ RESP: 3 }), { timeout: { seconds: 2 } }),
  redisStore(createCluster5({ rootNodes: nodes })),
  redisStore(new Redis()),
  redisStore(new Redis({ sentinels: [{ host: 'localhost' }], name: 'sessions' })),
  redisStore(new Cluster(['redis://localhost:6379'])),
  redisStore(new Redis6()),
  redisStore(new Cluster6(['redis://localhost:6379'])),
]

// @ts-expect-error: its commands go to one of several clients, a read perhaps to a replica
redisStore(createSentinel({ name: 'sessions', sentinelRootNodes: [] }))
// @ts-expect-error: a URL is no client
redisStore('redis://localhost:6379')
// @ts-expect-error: milliseconds would be a guess
redisStore(new Redis(), { timeout: 5000 })
