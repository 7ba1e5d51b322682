/** How the package `redis` calls the settings of one command. */
export interface NodeRedisCommandOptions {
  /** Milliseconds after which a command that was not written yet is dropped; 0 for never. */
  readonly timeout?: number
  readonly typeMapping?: Record<never, never>
}

/** What every client is: an event emitter. */
interface Emitter {
  on(event: 'error', listener: (error: Error) => void): unknown
  listenerCount(event: 'error'): number
}

/** The client that `createClient()` of the package `redis` makes, version 5 or 6. */
export interface NodeRedisClient extends Emitter {
  readonly isOpen: boolean
  readonly isReady: boolean
  sendCommand(args: string[], options?: NodeRedisCommandOptions): Promise<unknown>
}

/** The client that `createCluster()` of the package `redis` makes, version 5 or 6. */
export interface NodeRedisCluster extends Emitter {
  readonly isOpen: boolean
  /** Only version 6 tells. */
  readonly isReady?: boolean
  /** The nodes that have slots; empty until the cluster was discovered. */
  readonly masters: readonly unknown[]
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: NodeRedisCommandOptions,
  ): Promise<unknown>
  multi(routing?: string): {
    addCommand(
      firstKey: string | undefined,
      isReadonly: boolean | undefined,
      args: string[],
    ): unknown
    execAsPipeline(): Promise<unknown>
  }
}

/** A `Redis` or a `Cluster` of the package `ioredis`, version 5 or 6. */
export interface IoredisClient extends Emitter {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  call(...args: [command: string, ...args: string[]]): Promise<unknown>
  pipeline(commands: string[][]): { exec(): Promise<[Error | null, unknown][] | null> }
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'close' | '-node', listener: () => void): unknown
}

/**
 * A connection to Redis or Valkey, or to a cluster of either, that the app has made. It is shared
 * with the app, and the app closes it.
 */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoredisClient
