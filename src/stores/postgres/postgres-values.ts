import { randomUUID } from 'node:crypto'
import type { SessionRecord } from '../../core/session-record.ts'
import { FIELD_COLUMNS, toRecord } from '../sql/session-row.ts'
import type { PostgresRow } from './postgres-connections.ts'

export type PostgresValue = string | number | boolean | null

/** Ids are of the type `uuid`, which takes other spellings for the same id: they are none of ours. */
export function isUuid(id: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/.test(id)
}

export function toText(value: PostgresValue): string | null {
  return value === null ? null : String(value)
}

/**
 * An array in PostgreSQL's notation, `{1,NULL,"a b"}`: the same for every client. `null` where all
 * values are null, because `unnest` fills up with nulls.
 */
export function toArray(values: readonly PostgresValue[]): string | null {
  if (values.every((value) => value === null)) return null
  return `{${values.map((value) => (value === null ? 'NULL' : toElement(value))).join(',')}}`
}

function toElement(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`
}

// Characters that JSON escapes.
const DELIMITERS = ['\x1f', '\x1e', '\x1d']

/** Texts in one text, each after a delimiter that is in none of them. */
export function toPacked(texts: readonly string[]): { packed: string; delimiter: string } {
  const delimiter =
    DELIMITERS.find((each) => !texts.some((text) => text.includes(each))) ??
    `${DELIMITERS[0]}${randomUUID()}`
  return { packed: delimiter + texts.join(delimiter), delimiter }
}

const BYTES = 'bytes'
const TEXT = 'text'

/**
 * The columns `data` and `data_bytes`. What PostgreSQL cannot keep as text, bytes and text with the
 * character NUL, is in the second, and the first says which of the two it is.
 */
export function toDataColumns(data: string | Uint8Array): [data: string, bytes: string | null] {
  if (typeof data !== 'string') return [BYTES, toBytea(data)]
  return data.includes('\0') ? [TEXT, toBytea(Buffer.from(data))] : [data, null]
}

function toBytea({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return `\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`
}

function fromDataColumns(data: string, bytea: string | null): string | Uint8Array {
  if (bytea === null) return data
  const bytes = Buffer.from(bytea.slice(2), 'hex')
  return data === TEXT ? bytes.toString() : new Uint8Array(bytes)
}

export interface RecordColumns {
  /** What to select. */
  readonly sql: string
  read(row: PostgresRow): SessionRecord
}

const MAY_BEGIN_WITH_ANYTHING: readonly string[] = ['principal', 'data', 'user_agent', 'ip']

/** @param losesByteOrderMarks whether the client takes them off the beginning of a text */
export function recordColumns(losesByteOrderMarks: boolean): RecordColumns {
  const columns: readonly string[] = [...FIELD_COLUMNS, 'data', 'data_bytes']
  const read = (row: PostgresRow) =>
    toRecord(row, fromDataColumns(row[FIELD_COLUMNS.length] ?? '', row.at(-1) ?? null))
  if (!losesByteOrderMarks) return { sql: columns.join(', '), read }
  const guarded = columns.map((column) => MAY_BEGIN_WITH_ANYTHING.includes(column))
  return {
    sql: columns.map((column, index) => (guarded[index] ? `'=' || ${column}` : column)).join(', '),
    read: (row) =>
      read(row.map((value, index) => (guarded[index] && value !== null ? value.slice(1) : value))),
  }
}
