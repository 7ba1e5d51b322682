/**
 * Sessions in Redis or Valkey, one node or a cluster, through a client that the app has made.
 *
 * ```ts
 * import { createClient } from 'redis'
 * import { redisStore } from 'sessile/redis'
 * const sessions = createSessions({ store: redisStore(await createClient().connect()) })
 * ```
 *
 * @module sessile/redis
 */
export type {
  IoredisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisCommandOptions,
  RedisClient,
} from './stores/redis/redis-client.ts'
export { type RedisStoreOptions, redisStore } from './stores/redis/redis-store.ts'
