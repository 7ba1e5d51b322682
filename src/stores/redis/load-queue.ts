import { StoreUnavailableError } from '../../core/errors.ts'
import type { RedisCommands } from './redis-commands.ts'

interface Load {
  readonly keys: readonly string[]
  readonly resolve: (values: Map<string, string>) => void
  readonly reject: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

const MOST_IN_FLIGHT = 2
const MOST_KEYS = 256

/**
 * Reads keys, those of one turn of the event loop with one MGET. While two are under way the others
 * wait, and go together. A read joins only what was not sent yet, so that it sees every write that
 * was answered before it began.
 */
export class LoadQueue {
  readonly #commands: RedisCommands
  readonly #waiting = new Set<Load>()
  #inFlight = 0
  #scheduled = false

  constructor(commands: RedisCommands) {
    this.#commands = commands
  }

  /** The values of the keys that have one. */
  load(keys: readonly string[]): Promise<Map<string, string>> {
    return new Promise((resolve, reject) => {
      const load: Load = { keys, resolve, reject, timer: undefined }
      load.timer = setTimeout(() => this.#expire(load), this.#commands.timeoutMs)
      this.#waiting.add(load)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0 || this.#inFlight >= MOST_IN_FLIGHT) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      this.#schedule()
    })
  }

  #flush(): void {
    const batch: Load[] = []
    const keys = new Set<string>()
    for (const load of this.#waiting) {
      if (batch.length > 0 && keys.size + load.keys.length > MOST_KEYS) break
      for (const key of load.keys) keys.add(key)
      batch.push(load)
      this.#waiting.delete(load)
    }
    if (batch.length > 0) void this.#read(batch, [...keys])
  }

  async #read(batch: readonly Load[], keys: readonly string[]): Promise<void> {
    this.#inFlight++
    try {
      const values = await readKeys(this.#commands, keys)
      for (const { resolve } of batch) resolve(values)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
    for (const { timer } of batch) clearTimeout(timer)
    this.#inFlight--
    this.#schedule()
  }

  #expire(load: Load): void {
    this.#waiting.delete(load)
    load.reject(
      new StoreUnavailableError(
        `Redis did not answer within ${this.#commands.timeoutMs} ms (timeout).`,
      ),
    )
  }
}

/** The values of keys that have one, with one MGET, or with one GET each where slots forbid that. */
export async function readKeys(
  commands: RedisCommands,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const [first] = keys
  if (first === undefined) return new Map()
  const values = commands.connection.isCluster
    ? await Promise.all(keys.map((key) => commands.send(key, 'GET', key)))
    : ((await commands.send(first, 'MGET', ...keys)) as unknown[])
  const found = new Map<string, string>()
  for (const [index, key] of keys.entries()) {
    const value = values[index]
    if (typeof value === 'string') found.set(key, value)
  }
  return found
}
