import type { RecordPage } from '../../../src/core/store.ts'
import type { BrokenStores } from './broken-store.ts'
import { longAgo } from './broken-store.ts'

const everything = 1_000_000

/** Pages that begin at a position instead of after a record. */
function pageAt({ records }: RecordPage, position: string | undefined, limit: number): RecordPage {
  const [begin, end] = [Number(position ?? 0), Number(position ?? 0) + limit]
  return {
    records: records.slice(begin, end),
    next: end < records.length ? String(end) : null,
  }
}

export const brokenLists: BrokenStores = {
  'list is oldest first': (sound) => ({
    list: async ({ principal, after, limit }, now) => {
      const page = await sound.list({ principal, limit: everything }, now)
      return pageAt({ ...page, records: page.records.toReversed() }, after, limit)
    },
  }),
  'list is in the order of use': (sound) => ({
    list: async ({ principal, after, limit }, now) => {
      const page = await sound.list({ principal, limit: everything }, now)
      const records = page.records.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)
      return pageAt({ ...page, records }, after, limit)
    },
  }),
  'list pages by position': (sound) => ({
    list: async ({ principal, after, limit }, now) =>
      pageAt(await sound.list({ principal, limit: everything }, now), after, limit),
  }),
  'list holds what has expired': (sound) => ({
    list: async (query) => sound.list(query, longAgo),
  }),
  'list drops a session a millisecond early': (sound) => ({
    list: async (query, now) => sound.list(query, now + 1),
  }),
  'list has one page only': (sound) => ({
    list: async (query, now) => ({ ...(await sound.list(query, now)), next: null }),
  }),
  'list ends with an empty cursor': (sound) => ({
    list: async (query, now) => {
      const page = await sound.list(query, now)
      return { ...page, next: page.next ?? '' }
    },
  }),
  'list takes a principal for a pattern': (sound) => ({
    list: async (query, now) =>
      query.principal.includes('%')
        ? sound.scan({ limit: query.limit }, now)
        : sound.list(query, now),
  }),
  'list begins again on every page': (sound) => ({
    list: async ({ principal, limit }, now) => sound.list({ principal, limit }, now),
  }),
  'list repeats the last record of the page before': (sound) => ({
    list: async (query, now) => {
      const page = await sound.list(query, now)
      const [last] = query.after === undefined ? [] : await sound.load([query.after], longAgo)
      return last === undefined ? page : { ...page, records: [last, ...page.records] }
    },
  }),
  'list ignores its limit': (sound) => ({
    list: async (query, now) => sound.list({ ...query, limit: everything }, now),
  }),
  'list normalises principals': (sound) => ({
    list: async ({ principal, ...rest }, now) =>
      sound.list({ principal: principal.normalize('NFC'), ...rest }, now),
  }),
  'list trims principals': (sound) => ({
    list: async ({ principal, ...rest }, now) =>
      sound.list({ principal: principal.trimEnd(), ...rest }, now),
  }),
  'list takes the first 100 characters of a principal': (sound) => ({
    list: async ({ principal, limit }, now) => {
      const { records } = await sound.scan({ limit: everything }, now)
      const same = records.filter(
        (record) => record.principal?.slice(0, 100) === principal.slice(0, 100),
      )
      return { records: same.slice(0, limit), next: null }
    },
  }),
  'list of the empty principal shows anonymous sessions': (sound) => ({
    list: async ({ principal, limit }, now) => {
      const { records } = await sound.scan({ limit: everything }, now)
      const same = records.filter((record) => (record.principal ?? '') === principal)
      return { records: same.toReversed().slice(0, limit), next: null }
    },
  }),
}

export const brokenScans: BrokenStores = {
  'scan holds sessions of principals only': (sound) => ({
    scan: async (query, now) => {
      const page = await sound.scan(query, now)
      return { ...page, records: page.records.filter(({ principal }) => principal !== null) }
    },
  }),
  'scan holds what has expired': (sound) => ({ scan: async (query) => sound.scan(query, longAgo) }),
  'scan drops a record a millisecond early': (sound) => ({
    scan: async (query, now) => sound.scan(query, now + 1),
  }),
  'scan pages by position': (sound) => ({
    scan: async ({ cursor, limit }, now) =>
      pageAt(await sound.scan({ limit: everything }, now), cursor, limit),
  }),
  'scan pages by the order of use': (sound) => ({
    scan: async ({ cursor, limit }, now) => {
      const page = await sound.scan({ limit: everything }, now)
      const records = page.records.toSorted((a, b) => b.lastSeenAt - a.lastSeenAt)
      return pageAt({ ...page, records }, cursor, limit)
    },
  }),
  'scan has one page only': (sound) => ({
    scan: async (query, now) => ({ ...(await sound.scan(query, now)), next: null }),
  }),
  'scan never ends': (sound) => ({
    scan: async (query, now) => ({ ...(await sound.scan(query, now)), next: 'again' }),
  }),
  'scan ignores its limit': (sound) => ({
    scan: async (query, now) => sound.scan({ ...query, limit: everything }, now),
  }),
  'scan keeps its position in the store': (sound) => {
    let position: string | undefined
    return {
      scan: async ({ cursor, limit }, now) => {
        const from = cursor === undefined ? undefined : position
        const query = from === undefined ? { limit } : { limit, cursor: from }
        const page = await sound.scan(query, now)
        position = page.next ?? undefined
        return page.next === null ? page : { ...page, next: 'more' }
      },
    }
  },
}
