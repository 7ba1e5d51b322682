import type { SessionRecord } from '../../core/session-record.ts'
import {
  type CreateOutcome,
  type DeleteConditions,
  type DeleteOutcome,
  type ListQuery,
  type PrincipalLimit,
  type RecordPage,
  type SaveOutcome,
  type ScanQuery,
  SWEEP_GRACE,
} from '../../core/store.ts'
import type { SqliteValue } from './sqlite-client.ts'
import type {
  SqliteCommand,
  SqliteConnection,
  SqliteQuery,
  SqliteRow,
} from './sqlite-connection.ts'

/**
 * The verbs of the store contract as SQL. Those that write expect the caller to hold a transaction,
 * so that what they read first stays true until they write.
 */
export class SessionTable {
  readonly #load: SqliteQuery
  readonly #list: SqliteQuery
  readonly #scan: SqliteQuery
  readonly #exists: SqliteQuery
  readonly #liveVersion: SqliteQuery
  readonly #versionFor: SqliteQuery
  readonly #countOthers: SqliteQuery
  readonly #insert: SqliteCommand
  readonly #saveData: SqliteCommand
  readonly #saveDeadlines: SqliteCommand
  readonly #saveAll: SqliteCommand
  readonly #touch: SqliteCommand
  readonly #delete: SqliteCommand
  readonly #deleteOldestOthers: SqliteCommand
  readonly #deleteAll: SqliteCommand
  readonly #sweep: SqliteCommand

  constructor(connection: SqliteConnection, table: string) {
    // A cast to bytes keeps what follows a NUL: see SqliteConnection.readsNul.
    const text = (column: string) => (connection.readsNul ? column : `CAST(${column} AS BLOB)`)
    const columns = `
      id, secret_hash, previous_secret_hash, previous_secret_until, ${text('principal')},
      ${text('data')}, version, created_at, last_seen_at, idle_timeout, absolute_expires_at,
      expires_at, persistent, ${text('user_agent')}, ip, typeof(data)`

    // A row that somebody has edited: some drivers throw at such a number, others round it.
    const integers = `version, created_at, last_seen_at, idle_timeout, absolute_expires_at,
      expires_at, coalesce(previous_secret_until, 0)`
    const isReadable = `max(${integers}) <= ${Number.MAX_SAFE_INTEGER}
      AND min(${integers}) >= ${Number.MIN_SAFE_INTEGER}`

    this.#load = connection.query(`
      SELECT ${columns} FROM ${table} WHERE id = ? AND expires_at > ? AND ${isReadable}`)
    this.#list = connection.query(`
      SELECT ${columns} FROM ${table}
      WHERE principal = ? AND id < ? AND expires_at > ? AND ${isReadable}
      ORDER BY id DESC LIMIT ?`)
    this.#scan = connection.query(`
      SELECT ${columns} FROM ${table} WHERE id > ? AND ${isReadable} ORDER BY id LIMIT ?`)

    this.#exists = connection.query(`SELECT 1 FROM ${table} WHERE id = ?`)
    this.#liveVersion = connection.query(`
      SELECT version FROM ${table} WHERE id = ? AND expires_at > ? AND ${isReadable}`)
    this.#versionFor = connection.query(`
      SELECT min(version, ${Number.MAX_SAFE_INTEGER}) FROM ${table}
      WHERE id = ? AND principal IS coalesce(?, principal)`)
    this.#countOthers = connection.query(`
      SELECT count(*) FROM ${table} WHERE principal = ? AND id <> ? AND expires_at > ?`)

    this.#insert = connection.command(`
      INSERT INTO ${table} (
        id, secret_hash, previous_secret_hash, previous_secret_until, principal, data, version,
        created_at, last_seen_at, idle_timeout, absolute_expires_at, expires_at, persistent,
        user_agent, ip
      ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO NOTHING`)

    // An index is rewritten whenever one of its columns is named after SET, changed or not. Three
    // statements from the cheapest to the dearest: the first one whose conditions hold does it.
    const payload = `
      secret_hash = ?, previous_secret_hash = ?, previous_secret_until = ?, data = ?,
      persistent = ?, user_agent = ?, ip = ?, version = version + 1`
    const deadlines = `
      last_seen_at = max(last_seen_at, ?), idle_timeout = ?, absolute_expires_at = ?,
      expires_at = min(max(last_seen_at, ?) + ?, ?)`
    const expected = 'id = ? AND version = ? AND expires_at > ?'
    this.#saveData = connection.command(`
      UPDATE ${table} SET ${payload} WHERE ${expected} AND principal IS ?
        AND last_seen_at >= ? AND idle_timeout = ? AND absolute_expires_at = ?
        AND expires_at = min(last_seen_at + idle_timeout, absolute_expires_at)`)
    this.#saveDeadlines = connection.command(`
      UPDATE ${table} SET ${payload}, ${deadlines} WHERE ${expected} AND principal IS ?`)
    this.#saveAll = connection.command(`
      UPDATE ${table} SET ${payload}, ${deadlines}, principal = ? WHERE ${expected}`)

    this.#touch = connection.command(`
      UPDATE ${table} SET last_seen_at = max(last_seen_at, ?), idle_timeout = ?, expires_at =
        max(expires_at, min(max(last_seen_at, ?) + ?, absolute_expires_at))
      WHERE ${expected}`)

    this.#delete = connection.command(`DELETE FROM ${table} WHERE id = ?`)
    this.#deleteOldestOthers = connection.command(`
      DELETE FROM ${table} WHERE id IN (
        SELECT id FROM ${table} WHERE principal = ? AND id <> ? AND expires_at > ?
        ORDER BY last_seen_at, id LIMIT ?)`)
    this.#deleteAll = connection.command(`
      DELETE FROM ${table} WHERE principal = ? AND id IS NOT ?`)
    this.#sweep = connection.command(`
      DELETE FROM ${table} WHERE rowid IN (
        SELECT rowid FROM ${table} WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`)
  }

  load(ids: readonly string[], now: number): SessionRecord[] {
    const records: SessionRecord[] = []
    for (const id of ids.length === 1 ? ids : new Set(ids)) {
      const row = this.#load.first(id, now)
      if (row !== undefined) records.push(toRecord(row))
    }
    return records
  }

  list({ principal, after = LAST_ID, limit }: ListQuery, now: number): RecordPage {
    const rows = this.#list.all(principal, after, now, limit + 1)
    const records = rows.slice(0, limit).map(toRecord)
    return { records, next: rows.length > limit ? (records.at(-1)?.id ?? null) : null }
  }

  /** Reads so many rows, live or not: a page of a table full of expired ones takes no longer. */
  scan({ cursor = '', limit }: ScanQuery, now: number): RecordPage {
    const records = this.#scan.all(cursor, limit).map(toRecord)
    return {
      records: records.filter(({ expiresAt }) => expiresAt > now),
      next: records.length < limit ? null : (records.at(-1)?.id ?? null),
    }
  }

  create(record: SessionRecord, limit?: PrincipalLimit): CreateOutcome {
    if (limit !== undefined) {
      if (this.#exists.first(record.id) !== undefined) return 'taken'
      if (!this.#makeRoom(record, limit, record.createdAt)) return 'limit'
    }
    const created = this.#insert(
      record.id,
      record.secretHash,
      record.previousSecretHash,
      record.previousSecretUntil,
      record.principal,
      record.data,
      record.version,
      record.createdAt,
      record.lastSeenAt,
      record.idleTimeout,
      record.absoluteExpiresAt,
      record.expiresAt,
      record.persistent ? 1 : 0,
      record.userAgent,
      record.ip,
    )
    return created === 1 ? 'created' : 'taken'
  }

  save(
    record: SessionRecord,
    expectedVersion: number,
    now: number,
    limit?: PrincipalLimit,
  ): SaveOutcome {
    const { id, principal, lastSeenAt, idleTimeout, absoluteExpiresAt } = record
    if (limit !== undefined) {
      const obstacle = this.#obstacle(id, expectedVersion, now)
      if (obstacle !== undefined) return obstacle
      if (!this.#makeRoom(record, limit, now)) return 'limit'
    }
    const payload: SqliteValue[] = [
      record.secretHash,
      record.previousSecretHash,
      record.previousSecretUntil,
      record.data,
      record.persistent ? 1 : 0,
      record.userAgent,
      record.ip,
    ]
    const expected = [id, expectedVersion, now]
    const times = [lastSeenAt, idleTimeout, absoluteExpiresAt]
    const deadlines = [...times, ...times]
    const saved =
      // Who was seen just now moves the deadline.
      (lastSeenAt < now && this.#saveData(...payload, ...expected, principal, ...times) === 1) ||
      this.#saveDeadlines(...payload, ...deadlines, ...expected, principal) === 1 ||
      this.#saveAll(...payload, ...deadlines, principal, ...expected) === 1
    return saved ? 'saved' : (this.#obstacle(id, expectedVersion, now) ?? 'conflict')
  }

  touch(
    id: string,
    expectedVersion: number,
    lastSeenAt: number,
    idleTimeout: number,
    now: number,
  ): boolean {
    const times = [lastSeenAt, idleTimeout]
    return (
      this.#touch(...times, ...times, id, expectedVersion, now) === 1 ||
      this.#liveVersion.first(id, now) !== undefined
    )
  }

  delete(id: string, { expectedVersion, principal }: DeleteConditions): DeleteOutcome {
    const [version] = this.#versionFor.first(id, principal ?? null) ?? []
    if (version === undefined) return 'gone'
    if (expectedVersion !== undefined && version !== expectedVersion) return 'conflict'
    this.#delete(id)
    return 'deleted'
  }

  deleteAll(principal: string, exceptId: string | undefined): number {
    return this.#deleteAll(principal, exceptId ?? null)
  }

  sweep(now: number, limit: number): number {
    return this.#sweep(now - SWEEP_GRACE, limit)
  }

  /** Why a record cannot be saved; `undefined` if nothing speaks against it. */
  #obstacle(id: string, expectedVersion: number, now: number): 'conflict' | 'gone' | undefined {
    const [version] = this.#liveVersion.first(id, now) ?? []
    if (version === undefined) return 'gone'
    return version === expectedVersion ? undefined : 'conflict'
  }

  #makeRoom({ id, principal }: SessionRecord, limit: PrincipalLimit, now: number): boolean {
    if (principal === null) return true
    const [count] = this.#countOthers.first(principal, id, now) ?? []
    const excess = Number(count) - limit.max + 1
    if (excess <= 0) return true
    if (limit.onExceed === 'reject') return false
    this.#deleteOldestOthers(principal, id, now, excess)
    return true
  }
}

// Sorts after the text of any id.
const LAST_ID = '\u{10ffff}'

function toRecord(row: SqliteRow): SessionRecord {
  return {
    id: row[0] as string,
    secretHash: row[1] as string,
    previousSecretHash: row[2] as string | null,
    previousSecretUntil: row[3] as number | null,
    principal: row[4] === null ? null : toText(row[4]),
    data: row[15] === 'text' ? toText(row[5]) : toBytes(row[5]),
    version: row[6] as number,
    createdAt: row[7] as number,
    lastSeenAt: row[8] as number,
    idleTimeout: row[9] as number,
    absoluteExpiresAt: row[10] as number,
    expiresAt: row[11] as number,
    persistent: row[12] !== 0,
    userAgent: row[13] === null ? null : toText(row[13]),
    ip: row[14] as string | null,
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : Buffer.from(toBytes(value)).toString()
}

/** better-sqlite3 hands out a Buffer, libsql a Buffer or an ArrayBuffer. */
function toBytes(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  const { buffer, byteOffset, byteLength } = value as Uint8Array
  return new Uint8Array(buffer, byteOffset, byteLength)
}
