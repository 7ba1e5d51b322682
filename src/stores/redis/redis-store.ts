import { SessionOptionsError, StoreUnavailableError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session-record.ts'
import type {
  CreateOutcome,
  DeleteConditions,
  DeleteOutcome,
  ListQuery,
  PrincipalLimit,
  RecordPage,
  SaveOutcome,
  ScanQuery,
  Store,
} from '../../core/store.ts'
import { type Duration, toMilliseconds } from '../../core/timeouts.ts'
import type { RedisClient } from './redis-client.ts'
import { RedisCommands } from './redis-commands.ts'
import { connectionOf } from './redis-connection.ts'
import { RedisKeys } from './redis-keys.ts'
import { SessionKeyspace } from './session-keyspace.ts'

export interface RedisStoreOptions {
  /**
   * Begins the name of every key. Default `'session:'`. Two apps on one Redis need two prefixes.
   */
  readonly prefix?: string
  /** How long a command may take, waiting for a connection included. Default `'5s'`. */
  readonly timeout?: Duration
  /**
   * How many replicas must have a logout, a revocation or a login before it is answered, so that a
   * failover does not undo it. Default 0: none. With fewer the verb rejects with
   * StoreUnavailableError after half of `timeout`, although the primary has done it.
   */
  readonly waitReplicas?: number
}

/**
 * Keeps sessions in Redis or Valkey, on one node or in a cluster. The client is the app's: it
 * connects it, before or after this, and closes it after the store.
 *
 * @throws SessionOptionsError
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Store {
  checkOptions(options)
  const timeoutMs = toMilliseconds(options.timeout ?? '5s', 'timeout')
  const commands = new RedisCommands(connectionOf(client, timeoutMs), timeoutMs)
  const keys = new RedisKeys(options.prefix ?? 'session:')
  return new RedisStore(new SessionKeyspace(commands, keys, options.waitReplicas ?? 0))
}

class RedisStore implements Store {
  readonly loadsSynchronously = false
  readonly #sessions: SessionKeyspace
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(sessions: SessionKeyspace) {
    this.#sessions = sessions
  }

  create(record: SessionRecord, limit?: PrincipalLimit): Promise<CreateOutcome> {
    return this.#run((sessions) => sessions.create(record, limit))
  }

  load(ids: readonly string[], now: number): Promise<SessionRecord[]> {
    // Not one of those that close waits for: it leaves nothing behind.
    return this.#closing === undefined ? this.#sessions.load(ids, now) : Promise.reject(closed())
  }

  save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): Promise<SaveOutcome> {
    return this.#run((sessions) => sessions.save(record, expectedVersion, now, limit))
  }

  touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): Promise<boolean> {
    return this.#run((sessions) =>
      sessions.touch(id, expectedVersion, lastSeenAt, idleTimeout, now),
    )
  }

  delete(id: string, conditions: DeleteConditions = {}): Promise<DeleteOutcome> {
    return this.#run((sessions) => sessions.delete(id, conditions))
  }

  sweep(now: number, limit: number): Promise<number> {
    return this.#run((sessions) => sessions.sweep(now, limit))
  }

  list(query: ListQuery, now: number): Promise<RecordPage> {
    return this.#run((sessions) => sessions.list(query, now))
  }

  scan(query: ScanQuery, now: number): Promise<RecordPage> {
    return this.#run((sessions) => sessions.scan(query, now))
  }

  deleteAll(selection: {
    readonly principal: string
    readonly exceptId?: string
  }): Promise<number> {
    return this.#run((sessions) => sessions.deleteAll(selection.principal, selection.exceptId))
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => this.#sessions.settled())
    return this.#closing
  }

  #run<T>(verb: (sessions: SessionKeyspace) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    const outcome = verb(this.#sessions)
    this.#underWay.add(outcome)
    const end = () => this.#underWay.delete(outcome)
    outcome.then(end, end)
    return outcome
  }
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError('The Redis store is closed.')
}

const OPTIONS = ['prefix', 'timeout', 'waitReplicas']

function checkOptions(options: RedisStoreOptions): void {
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue
    throw new SessionOptionsError(
      `${name}: there is no such option. Known are: ${OPTIONS.join(', ')}.`,
    )
  }
  const { prefix = '', waitReplicas = 0 } = options
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
    throw new SessionOptionsError(
      'prefix: give a text without braces, which mark what decides the slot of a Redis Cluster.',
    )
  }
  if (!Number.isSafeInteger(waitReplicas) || waitReplicas < 0) {
    throw new SessionOptionsError('waitReplicas: give a whole number of replicas, 0 for none.')
  }
}
