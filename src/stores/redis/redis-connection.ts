import { SessionOptionsError } from '../../core/errors.ts'
import type {
  IoredisClient,
  NodeRedisClient,
  NodeRedisCluster,
  RedisClient,
} from './redis-client.ts'

/** What the store needs of a client, whichever it is. */
export interface RedisConnection {
  /** Whether the keys of one command have to be in one slot. */
  readonly isCluster: boolean
  /** Whether a command that is given now is written at once, or fails at once. */
  readonly isReady: boolean
  /**
   * Grows when a connection breaks and the client may send again what was under way. Always 0 where
   * the client never does.
   */
  readonly breakCount: number
  /** Sends a command whose keys are in the slot of `key`. */
  send(key: string, command: string[]): Promise<unknown>
  /** Told of a command that was not answered in time. */
  notAnswered(key: string): void
  /** @returns how many replicas have all that was written before to the node of `key`. */
  countReplicas(key: string, expected: number, timeoutMs: number): Promise<number>
}

/** @throws SessionOptionsError if it is none of the clients, or one that reads from replicas. */
export function connectionOf(client: RedisClient, timeoutMs: number): RedisConnection {
  const connection = wrap(client, timeoutMs)
  // Without a listener an emitter throws, which would end the process when a connection breaks.
  if (client.listenerCount('error') === 0) client.on('error', () => {})
  return connection
}

function wrap(client: RedisClient, timeoutMs: number): RedisConnection {
  if (hasMethods(client, 'call', 'pipeline')) return ioredis(client as IoredisClient)
  if (hasMethods(client, 'sendCommand', 'nodeClient')) {
    return nodeRedisCluster(client as NodeRedisCluster, timeoutMs)
  }
  if (hasMethods(client, 'sendCommand') && 'isReady' in client) {
    return nodeRedis(client as NodeRedisClient)
  }
  throw new SessionOptionsError(
    'redisStore: give it what createClient() or createCluster() of the package redis makes, or a ' +
      'Redis or Cluster of the package ioredis.',
  )
}

function hasMethods(client: unknown, ...names: string[]): boolean {
  if (typeof client !== 'object' || client === null) return false
  return names.every((name) => typeof (client as Record<string, unknown>)[name] === 'function')
}

// Text in and text out, whatever the app has set for itself.
const AS_TEXT = {}

function nodeRedis(client: NodeRedisClient): RedisConnection {
  // Its own timeout would be an AbortSignal for each command, which takes more time than the
  // command. Commands that cannot be written are not given to it.
  const options = { timeout: 0, typeMapping: AS_TEXT }
  return {
    isCluster: false,
    get isReady() {
      return client.isReady || !client.isOpen
    },
    breakCount: 0,
    send: (_key, command) => client.sendCommand(command, options),
    notAnswered() {},
    countReplicas: async (_key, expected, timeoutMs) =>
      Number(await client.sendCommand(waitCommand(expected, timeoutMs), options)),
  }
}

function nodeRedisCluster(client: NodeRedisCluster, timeoutMs: number): RedisConnection {
  // A cluster is there even if one of its nodes is not: what waits for that node ends by this.
  const options = { timeout: timeoutMs + 50, typeMapping: AS_TEXT }
  let isAsking = false
  // Version 5 goes on waiting for a node that has failed, also when another has taken its place. It
  // learns so only from an answer that sends it elsewhere, and any other node gives that one.
  const askAnotherNode = async (key: string) => {
    isAsking = true
    await client.sendCommand(undefined, false, ['GET', key], options).catch(() => {})
    isAsking = false
  }
  return {
    isCluster: true,
    get isReady() {
      return (client.isReady ?? client.masters.length > 0) || !client.isOpen
    },
    breakCount: 0,
    send: (key, command) => client.sendCommand(key, false, command, options),
    notAnswered(key) {
      if (!isAsking && client.isReady === undefined) void askAnotherNode(key)
    },
    async countReplicas(key, expected, timeoutMs) {
      const pipeline = client.multi(key)
      pipeline.addCommand(key, false, ['EXISTS', key])
      pipeline.addCommand(key, false, waitCommand(expected, timeoutMs))
      const replies = (await pipeline.execAsPipeline()) as unknown[]
      return Number(replies[1])
    },
  }
}

function ioredis(client: IoredisClient): RedisConnection {
  const { isCluster } = client
  if ('scaleReads' in client.options && client.options.scaleReads !== 'master') {
    throw new SessionOptionsError(
      "redisStore: the client reads from replicas, which lag behind. Give it one with scaleReads: 'master'.",
    )
  }
  let breakCount = 0
  // By default it sends again what was under way: autoResendUnfulfilledCommands, and in a cluster
  // retryDelayOnFailover.
  client.on(isCluster ? '-node' : 'close', () => {
    breakCount++
  })
  return {
    isCluster,
    get isReady() {
      return ['ready', 'wait', 'end'].includes(client.status)
    },
    get breakCount() {
      return breakCount
    },
    send: (_key, command) => client.call(...(command as [string, ...string[]])),
    notAnswered() {},
    async countReplicas(key, expected, timeoutMs) {
      // Here the names are those of methods. EXISTS leads the pipeline to the node of the key.
      const commands = [
        ['exists', key],
        ['wait', String(expected), String(timeoutMs)],
      ]
      const replies = await client.pipeline(commands).exec()
      const [error, count] = replies?.[1] ?? [new Error('The pipeline was aborted.'), 0]
      if (error !== null) throw error
      return Number(count)
    },
  }
}

function waitCommand(expected: number, timeoutMs: number): string[] {
  return ['WAIT', String(expected), String(timeoutMs)]
}
