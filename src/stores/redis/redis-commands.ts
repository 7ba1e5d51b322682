import { StoreUnavailableError } from '../../core/errors.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { RedisScript } from './redis-scripts.ts'

interface Waiting {
  readonly key: string
  readonly command: string[]
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
  state: 'held' | 'sent' | 'settled'
}

const POLL_INTERVAL_MS = 20

/** What a script answers when the state of the key did not allow what it was asked to do. */
const REFUSALS: readonly unknown[] = ['taken', 'conflict', 'gone']

/**
 * Sends commands through the client, and answers each of them in time. What cannot be written yet
 * waits here and not in the client, because it has to be forgotten when its caller has given up.
 */
export class RedisCommands {
  readonly connection: RedisConnection
  readonly timeoutMs: number
  #held: Waiting[] = []
  #poll: NodeJS.Timeout | undefined

  constructor(connection: RedisConnection, timeoutMs: number) {
    this.connection = connection
    this.timeoutMs = timeoutMs
  }

  /** Rejects with a StoreUnavailableError, whatever went wrong. */
  send(key: string, ...command: string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { key, command, resolve, reject, timer: undefined, state: 'held' }
      waiting.timer = setTimeout(() => this.#expire(waiting), this.timeoutMs)
      if (this.connection.isReady && this.#held.length === 0) this.#send(waiting)
      else this.#hold(waiting)
    })
  }

  /** Runs a script with one key. Sent twice only where the server says that it did not know it. */
  async run(script: RedisScript, key: string, ...given: string[]): Promise<unknown> {
    const { breakCount } = this.connection
    let reply: unknown
    try {
      reply = await this.send(key, 'EVALSHA', script.sha, '1', key, ...given)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      reply = await this.send(key, 'EVAL', script.text, '1', key, ...given)
    }
    const outcome: unknown = Array.isArray(reply) ? reply[0] : reply
    if (this.connection.breakCount !== breakCount && REFUSALS.includes(outcome)) {
      throw new StoreUnavailableError(
        'The connection to Redis broke, and the client sent a command again. Nobody knows whether ' +
          'the first one was done.',
      )
    }
    return reply
  }

  /** @throws StoreUnavailableError if fewer replicas than that have what was written to `key`. */
  async awaitReplicas(key: string, expected: number): Promise<void> {
    const waitMs = Math.ceil(this.timeoutMs / 2)
    const count = await this.connection
      .countReplicas(key, expected, waitMs)
      .catch((error: unknown) => {
        throw unavailable(error)
      })
    if (count >= expected) return
    throw new StoreUnavailableError(
      `Redis has done it, but only ${count} of ${expected} replicas (waitReplicas) confirmed that ` +
        `they have it within ${waitMs} ms. A failover may undo it.`,
    )
  }

  #send(waiting: Waiting): void {
    waiting.state = 'sent'
    const { resolve, reject } = waiting
    const settle = (end: () => void) => {
      clearTimeout(waiting.timer)
      waiting.state = 'settled'
      end()
    }
    this.connection.send(waiting.key, waiting.command).then(
      (reply) => settle(() => resolve(reply)),
      (error: unknown) => settle(() => reject(unavailable(error))),
    )
  }

  #hold(waiting: Waiting): void {
    this.#held.push(waiting)
    this.#poll ??= setTimeout(() => this.#sendHeld(), POLL_INTERVAL_MS)
  }

  #sendHeld(): void {
    this.#poll = undefined
    const held = this.#held.filter(({ state }) => state === 'held')
    this.#held = []
    for (const waiting of held) {
      if (this.connection.isReady) this.#send(waiting)
      else this.#hold(waiting)
    }
  }

  #expire(waiting: Waiting): void {
    const { key, state, reject } = waiting
    waiting.state = 'settled'
    if (state === 'sent') this.connection.notAnswered(key)
    reject(
      new StoreUnavailableError(
        state === 'held'
          ? `There was no connection to Redis for ${this.timeoutMs} ms (timeout). Nothing was sent.`
          : `Redis did not answer within ${this.timeoutMs} ms (timeout).`,
      ),
    )
  }
}

function unavailable(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error
  return new StoreUnavailableError('Redis could not do what it was asked to.', {
    cause: withoutArguments(error),
  })
}

// ioredis tells in its errors which command failed, with all of its arguments: hashes and data.
function withoutArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) {
    const { name } = (error.command ?? {}) as { name?: unknown }
    error.command = { name }
  }
  return error
}

function isUnknownScript(error: unknown): boolean {
  const cause = error instanceof StoreUnavailableError ? error.cause : undefined
  return cause instanceof Error && cause.message.startsWith('NOSCRIPT')
}
