import type { NodeRedisClient, NodeRedisCluster } from '../../../src/redis.ts'
import * as scripts from '../../../src/stores/redis/redis-scripts.ts'

/** What a client is told to do. */
export interface CommandLog {
  /** Commands as `MGET` or `EVALSHA save`; those of one step are sent before one of them is answered. */
  steps: string[][]
  /** Called before a command is sent; what it throws, the client rejects with instead of sending it. */
  before?: ((command: string, args: string[]) => void | Promise<void>) | undefined
  /** Called before an answer is handed on; what it throws, the client rejects with instead. */
  after?: ((command: string, reply: unknown) => void | Promise<void>) | undefined
}

/** A client that hands everything to another one, and can be watched and made to fail. */
export type WatchedClient = NodeRedisClient & { readonly log: CommandLog; isReady: boolean }
export type WatchedCluster = NodeRedisCluster & { readonly log: CommandLog }

const nameOfSha = new Map(
  Object.entries(scripts).map(([name, { sha }]) => [sha, name.replace(/Script$/, '')]),
)

export function watch(client: NodeRedisClient): WatchedClient {
  const log: CommandLog = { steps: [] }
  const watched = watcher(log)
  return {
    log,
    isOpen: true,
    isReady: true,
    on: (event, listener) => client.on(event, listener),
    listenerCount: (event) => client.listenerCount(event),
    sendCommand: (args, options) => watched(args, () => client.sendCommand(args, options)),
  }
}

export function watchCluster(client: NodeRedisCluster): WatchedCluster {
  const log: CommandLog = { steps: [] }
  const watched = watcher(log)
  return Object.assign(Object.create(client) as NodeRedisCluster, {
    log,
    sendCommand: (key: string | undefined, isReadonly: boolean | undefined, args: string[]) =>
      watched(args, () => client.sendCommand(key, isReadonly, args)),
  })
}

function watcher(log: CommandLog) {
  let beginsStep = true
  return async (args: string[], send: () => Promise<unknown>): Promise<unknown> => {
    const script = args[0]?.startsWith('EVAL') ? nameOfSha.get(args[1] ?? '') : undefined
    const command = script === undefined ? (args[0] ?? '') : `EVALSHA ${script}`
    if (beginsStep) log.steps.push([])
    beginsStep = false
    log.steps.at(-1)?.push(command)
    await log.before?.(command, args)
    try {
      const reply = await send()
      await log.after?.(command, reply)
      return reply
    } finally {
      beginsStep = true
    }
  }
}
