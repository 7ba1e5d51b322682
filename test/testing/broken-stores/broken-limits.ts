import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { PrincipalLimit, Store } from '../../../src/core/store.ts'
import type { Break, BrokenStores } from './broken-store.ts'
import { longAgo, nextStep } from './broken-store.ts'

type MakeRoom = (record: SessionRecord, limit: PrincipalLimit, now: number) => Promise<boolean>

async function sessionsOf(
  sound: Store,
  principal: string | null,
  now: number,
): Promise<SessionRecord[]> {
  if (principal === null) return []
  const { records } = await sound.list({ principal, limit: 1000 }, now)
  return records.toSorted((a, b) => a.lastSeenAt - b.lastSeenAt)
}

/** A store that makes room in a wrong way, and then writes without a limit. */
function makingRoom(makeRoom: (sound: Store) => MakeRoom): Break {
  return (sound) => ({
    create: async (record, limit) => {
      const taken = (await sound.load([record.id], longAgo)).length > 0
      if (taken || limit === undefined) return sound.create(record)
      if (!(await makeRoom(sound)(record, limit, record.createdAt))) return 'limit'
      return sound.create(record)
    },
    save: async (record, version, now, limit) => {
      const [live] = await sound.load([record.id], now)
      if (live?.version !== version || limit === undefined) return sound.save(record, version, now)
      if (!(await makeRoom(sound)(record, limit, now))) return 'limit'
      return sound.save(record, version, now)
    },
  })
}

/** Makes room by counting and evicting among `candidates`, the first to go in the first place. */
function evictingFirstOf(
  candidates: (sound: Store, record: SessionRecord, now: number) => Promise<SessionRecord[]>,
): Break {
  return makingRoom((sound) => async (record, { max, onExceed }, now) => {
    const found = await candidates(sound, record, now)
    const excess = found.length - max + 1
    if (excess > 0 && onExceed === 'reject') return false
    for (const { id } of found.slice(0, Math.max(excess, 0))) await sound.delete(id)
    return true
  })
}

const othersOf = async (sound: Store, record: SessionRecord, now: number) =>
  (await sessionsOf(sound, record.principal, now)).filter(({ id }) => id !== record.id)

export const brokenLimits: BrokenStores = {
  'no limit is heeded': makingRoom(() => async () => true),
  'only create heeds a limit': (sound) => ({
    save: async (record, version, now) => sound.save(record, version, now),
  }),
  'only save heeds a limit': (sound) => ({ create: async (record) => sound.create(record) }),
  'a limit allows one session too many': (sound) => ({
    create: async (record, limit) =>
      sound.create(record, limit === undefined ? limit : { ...limit, max: limit.max + 1 }),
  }),
  'a limit counts the session itself': evictingFirstOf(async (sound, record, now) =>
    sessionsOf(sound, record.principal, now),
  ),
  'a limit counts what has expired': evictingFirstOf(async (sound, record) =>
    othersOf(sound, record, longAgo),
  ),
  'a limit counts anonymous sessions': evictingFirstOf(async (sound, record, now) => {
    if (record.principal !== null) return othersOf(sound, record, now)
    const { records } = await sound.scan({ limit: 1000 }, now)
    return records.filter(({ principal, id }) => principal === null && id !== record.id)
  }),
  'the newest session is evicted': evictingFirstOf(async (sound, record, now) =>
    (await othersOf(sound, record, now)).toReversed(),
  ),
  'the session that was created first is evicted': evictingFirstOf(async (sound, record, now) =>
    (await othersOf(sound, record, now)).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  ),
  'all other sessions are evicted': makingRoom(
    (sound) =>
      async (record, { max, onExceed }, now) => {
        const others = await othersOf(sound, record, now)
        if (others.length < max) return true
        if (onExceed === 'reject') return false
        for (const { id } of others) await sound.delete(id)
        return true
      },
  ),
  'one session is evicted at most': makingRoom(
    (sound) =>
      async (record, { max, onExceed }, now) => {
        const others = await othersOf(sound, record, now)
        const [oldest] = others
        if (others.length < max || oldest === undefined) return true
        if (onExceed === 'evict-oldest') await sound.delete(oldest.id)
        return onExceed === 'evict-oldest'
      },
  ),
  'the session itself is evicted if it was seen longest ago': (sound) => ({
    create: async (record, limit) => {
      const outcome = await sound.create(record)
      const sessions = await sessionsOf(sound, record.principal, record.createdAt)
      if (outcome !== 'created' || limit === undefined || sessions.length <= limit.max)
        return outcome
      const evicted = limit.onExceed === 'reject' ? record : sessions[0]
      if (evicted !== undefined) await sound.delete(evicted.id)
      return limit.onExceed === 'reject' ? 'limit' : 'created'
    },
  }),
  'rejecting limits evict': (sound) => ({
    create: async (record, limit) =>
      sound.create(record, limit === undefined ? limit : { ...limit, onExceed: 'evict-oldest' }),
  }),
  'evicting limits reject': (sound) => ({
    create: async (record, limit) =>
      sound.create(record, limit === undefined ? limit : { ...limit, onExceed: 'reject' }),
  }),
  'the limit is decided before the version': (sound) => ({
    save: async (record, version, now, limit) => {
      const others = await othersOf(sound, record, now)
      if (limit?.onExceed === 'reject' && others.length >= limit.max) return 'limit'
      return sound.save(record, version, now, limit)
    },
  }),
  'a conflicting save evicts': (sound) => ({
    save: async (record, version, now, limit) => {
      const [oldest, ...others] = await othersOf(sound, record, now)
      if (limit?.onExceed === 'evict-oldest' && others.length + 1 >= limit.max) {
        if (oldest !== undefined) await sound.delete(oldest.id)
      }
      return sound.save(record, version, now)
    },
  }),
  'a create of a taken id evicts': (sound) => ({
    create: async (record, limit) => {
      const [oldest, ...others] = await othersOf(sound, record, record.createdAt)
      if (limit?.onExceed === 'evict-oldest' && others.length + 1 >= limit.max) {
        if (oldest !== undefined) await sound.delete(oldest.id)
      }
      return sound.create(record, limit)
    },
  }),
  'a create of a taken id is refused at the limit': (sound) => ({
    create: async (record, limit) => {
      const others = await othersOf(sound, record, record.createdAt)
      if (limit?.onExceed === 'reject' && others.length >= limit.max) return 'limit'
      return sound.create(record, limit)
    },
  }),
  'a refused save is written': (sound) => ({
    save: async (record, version, now, limit) => {
      const outcome = await sound.save(record, version, now, limit)
      if (outcome === 'limit') await sound.save(record, version, now)
      return outcome
    },
  }),
}

export const brokenLimitRaces: BrokenStores = {
  'the limit is counted first, and the session written then': makingRoom(
    (sound) => async (record, limit, now) => {
      const others = await othersOf(sound, record, now)
      await nextStep()
      if (others.length < limit.max) return true
      if (limit.onExceed === 'reject') return false
      for (const { id } of others.slice(0, others.length - limit.max + 1)) await sound.delete(id)
      return true
    },
  ),
  'the session is written first, and refused if there are too many then': (sound) => ({
    create: async (record, limit) => {
      const outcome = await sound.create(record)
      await nextStep()
      const others = await othersOf(sound, record, record.createdAt)
      if (limit === undefined || others.length < limit.max) return outcome
      await sound.delete(limit.onExceed === 'reject' ? record.id : (others[0]?.id ?? ''))
      return limit.onExceed === 'reject' ? 'limit' : outcome
    },
  }),
}
