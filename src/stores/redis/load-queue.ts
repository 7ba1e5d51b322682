import { StoreUnavailableError } from '../../core/errors.ts'
import type { RedisCommands } from './redis-commands.ts'

/** What a key holds; `null` if nothing. */
type Value = string | null

interface Load {
  readonly keys: readonly string[]
  /** Told the values of its keys, which begin at an index. */
  readonly resolve: (values: readonly Value[], begin: number) => void
  readonly reject: (error: unknown) => void
  /** When it has waited long enough, on the clock of `performance.now()`. */
  readonly until: number
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
  #timer: NodeJS.Timeout | undefined

  constructor(commands: RedisCommands) {
    this.#commands = commands
  }

  /** @param read makes the answer of the values, in the order of the keys. */
  load<T>(keys: readonly string[], read: (values: readonly Value[]) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        keys,
        until: performance.now() + this.#commands.timeoutMs,
        reject,
        resolve(values, begin) {
          try {
            resolve(read(values.slice(begin, begin + keys.length)))
          } catch (error) {
            reject(error)
          }
        },
      })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#waiting.length === 0 || this.#scheduled) return
    if (this.#inFlight >= MOST_IN_FLIGHT) {
      this.#timer ??= setTimeout(() => this.#expire(), this.#commands.timeoutMs)
      return
    }
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      this.#schedule()
    })
  }

  #flush(): void {
    let loadCount = 0
    let keyCount = 0
    for (const { keys } of this.#waiting) {
      if (loadCount > 0 && keyCount + keys.length > MOST_KEYS) break
      loadCount++
      keyCount += keys.length
    }
    if (loadCount > 0) void this.#read(this.#waiting.splice(0, loadCount))
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

  /** Removes what has waited too long, which is what came first. */
  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    const first = this.#waiting.findIndex(({ until }) => until > now)
    const overdue = this.#waiting.splice(0, first === -1 ? this.#waiting.length : first)
    for (const { reject } of overdue) {
      reject(
        new StoreUnavailableError(
          `Redis did not answer within ${this.#commands.timeoutMs} ms (timeout).`,
        ),
      )
    }
    const next = this.#waiting[0]
    if (next !== undefined) this.#timer = setTimeout(() => this.#expire(), next.until - now)
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
