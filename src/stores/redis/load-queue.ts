import { StoreUnavailableError } from '../../core/errors.ts'
import type { RedisCommands } from './redis-commands.ts'

/** What a key holds; `null` if nothing. */
type Value = string | null

interface Load {
  readonly keys: readonly string[]
  /** Told the values of its keys, which begin at an index. */
  readonly resolve: (values: readonly Value[], begin: number) => void
  readonly reject: (error: unknown) => void
  isOver: boolean
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
  #waiting: Load[] = []
  #inFlight = 0
  #scheduled = false

  constructor(commands: RedisCommands) {
    this.#commands = commands
  }

  /** @param read makes the answer of the values, in the order of the keys. */
  load<T>(keys: readonly string[], read: (values: readonly Value[]) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const load: Load = {
        keys,
        isOver: false,
        resolve(values, begin) {
          clearTimeout(timer)
          try {
            resolve(read(values.slice(begin, begin + keys.length)))
          } catch (error) {
            reject(error)
          }
        },
        reject(error) {
          clearTimeout(timer)
          reject(error)
        },
      }
      const timer = setTimeout(() => this.#expire(load), this.#commands.timeoutMs)
      this.#waiting.push(load)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0 || this.#inFlight >= MOST_IN_FLIGHT) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      this.#schedule()
    })
  }

  #flush(): void {
    const open = this.#waiting.filter(({ isOver }) => !isOver)
    let loadCount = 0
    let keyCount = 0
    for (const { keys } of open) {
      keyCount += keys.length
      if (loadCount > 0 && keyCount > MOST_KEYS) break
      loadCount++
    }
    this.#waiting = open
    if (loadCount > 0) void this.#read(open.splice(0, loadCount))
  }

  async #read(batch: readonly Load[]): Promise<void> {
    this.#inFlight++
    try {
      const values = await readKeys(
        this.#commands,
        batch.flatMap(({ keys }) => keys),
      )
      let begin = 0
      for (const { keys, resolve } of batch) {
        resolve(values, begin)
        begin += keys.length
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
    this.#inFlight--
    this.#schedule()
  }

  #expire(load: Load): void {
    load.isOver = true
    load.reject(
      new StoreUnavailableError(
        `Redis did not answer within ${this.#commands.timeoutMs} ms (timeout).`,
      ),
    )
  }
}

/** What keys hold, with one MGET, or with one GET each where slots forbid that. */
export async function readKeys(
  commands: RedisCommands,
  keys: readonly string[],
): Promise<readonly Value[]> {
  const [first] = keys
  if (first === undefined) return []
  const values = commands.connection.isCluster
    ? await Promise.all(keys.map((key) => commands.send(key, 'GET', key)))
    : await commands.send(first, 'MGET', ...keys)
  return values as Value[]
}
