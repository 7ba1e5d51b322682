import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { BrokenStores } from './broken-store.ts'
import { changeRecords } from './broken-store.ts'

const decode = (data: string | Uint8Array) =>
  typeof data === 'string' ? data : new TextDecoder().decode(data)
const encode = (data: string | Uint8Array) =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data
const changeText = (record: SessionRecord, change: (text: string) => string): SessionRecord =>
  typeof record.data === 'string' ? { ...record, data: change(record.data) } : record
const asInteger = (time: number) => time | 0

export const brokenFields: BrokenStores = {
  'text comes back as bytes': (sound) =>
    changeRecords(sound, (record) => ({ ...record, data: encode(record.data) })),
  'bytes come back as text': (sound) =>
    changeRecords(sound, (record) => ({ ...record, data: decode(record.data) })),
  'empty bytes come back as text': (sound) =>
    changeRecords(sound, (record) => (record.data.length === 0 ? { ...record, data: '' } : record)),
  'bytes come back with the rest of their buffer': (sound) => ({
    create: (record, limit) =>
      sound.create(
        typeof record.data === 'string'
          ? record
          : { ...record, data: new Uint8Array(record.data.buffer) },
        limit,
      ),
  }),
  'text is trimmed': (sound) =>
    changeRecords(sound, (record) => changeText(record, (t) => t.trim())),
  'text is normalised': (sound) =>
    changeRecords(sound, (record) => changeText(record, (text) => text.normalize('NFC'))),
  'text ends at NUL': (sound) =>
    changeRecords(sound, (record) => changeText(record, (text) => text.replace(/\0.*/s, ''))),
  'text loses its byte order mark': (sound) =>
    changeRecords(sound, (record) => changeText(record, (text) => text.replace(/^\ufeff/, ''))),
  'text is cut at 64 KiB': (sound) =>
    changeRecords(sound, (record) => changeText(record, (text) => text.slice(0, 65_536))),
  'text keeps the first plane of Unicode only': (sound) =>
    changeRecords(sound, (record) =>
      changeText(record, (text) => text.replace(/[\u{10000}-\u{10ffff}]/gu, '?')),
    ),
  'bytes keep seven bits': (sound) =>
    changeRecords(sound, (record) =>
      typeof record.data === 'string'
        ? record
        : { ...record, data: record.data.map((byte) => byte & 0x7f) },
    ),
  'text that is JSON comes back in another form': (sound) =>
    changeRecords(sound, (record) =>
      changeText(record, (text) => {
        try {
          return JSON.stringify(JSON.parse(text))
        } catch {
          return text
        }
      }),
    ),
  'times have 32 bits': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      absoluteExpiresAt: asInteger(record.absoluteExpiresAt),
    })),
  'the idle timeout has 32 bits': (sound) =>
    changeRecords(sound, (record) => ({ ...record, idleTimeout: asInteger(record.idleTimeout) })),
  'times lose their milliseconds': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      absoluteExpiresAt: Math.floor(record.absoluteExpiresAt / 1000) * 1000,
    })),
  'times come back as text': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      createdAt: String(record.createdAt) as unknown as number,
    })),
  'persistent comes back as a number': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      persistent: Number(record.persistent) as unknown as boolean,
    })),
  'null comes back as undefined': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      principal: (record.principal ?? undefined) as string | null,
    })),
  'empty text comes back as null': (sound) =>
    changeRecords(sound, (record) => ({ ...record, userAgent: record.userAgent || null })),
  'a long user agent is cut': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      userAgent: record.userAgent?.slice(0, 255) ?? null,
    })),
  'previousSecretUntil is lost': (sound) =>
    changeRecords(sound, (record) => ({ ...record, previousSecretUntil: null })),
  'records come back with more fields': (sound) =>
    changeRecords(sound, (record) => ({ ...record, rowid: 1 })),
  'loads share one object': (sound) => {
    const shared = new Map<string, SessionRecord>()
    return changeRecords(sound, (record) => {
      const first = shared.get(record.id)
      if (first !== undefined) return first
      shared.set(record.id, record)
      return record
    })
  },
  'written bytes are shared with the caller': (sound) => {
    const shared = new Map<string, string | Uint8Array>()
    return {
      ...changeRecords(sound, (record) => ({
        ...record,
        data: shared.get(record.id) ?? record.data,
      })),
      create: (record, limit) => {
        shared.set(record.id, record.data)
        return sound.create(record, limit)
      },
    }
  },
}
