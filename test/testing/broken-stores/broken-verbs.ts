import { deadline } from '../../../src/core/session-record.ts'
import type { DeleteOutcome } from '../../../src/core/store.ts'
import { SWEEP_GRACE } from '../../../src/core/store.ts'
import type { BrokenStores } from './broken-store.ts'
import { longAgo, nextStep, overwrite, stored } from './broken-store.ts'

export const brokenCreates: BrokenStores = {
  'create overwrites': (sound) => ({
    create: async (record, limit) => {
      await sound.delete(record.id)
      return sound.create(record, limit)
    },
  }),
  'create overwrites what has expired': (sound) => ({
    create: async (record, limit) => {
      const live = await sound.load([record.id], record.createdAt)
      if (live.length === 0) await sound.delete(record.id)
      return sound.create(record, limit)
    },
  }),
  'create overwrites what waits to be swept': (sound) => ({
    create: async (record, limit) => {
      await sound.sweep(record.createdAt, 1000)
      return sound.create(record, limit)
    },
  }),
  'create looks first and writes then': (sound) => ({
    create: async (record, limit) => {
      if ((await stored(sound, record.id)) !== undefined) return 'taken'
      await nextStep()
      await sound.delete(record.id)
      return sound.create(record, limit)
    },
  }),
  'create answers before it has written': (sound) => ({
    create: async (record, limit) => {
      if ((await stored(sound, record.id)) !== undefined) return 'taken'
      const closed = () => {}
      nextStep()
        .then(() => sound.create(record, limit))
        .catch(closed)
      return 'created'
    },
  }),
}

export const brokenLoads: BrokenStores = {
  'load hands out what has expired': (sound) => ({ load: async (ids) => sound.load(ids, longAgo) }),
  'load takes a record for live at its deadline': (sound) => ({
    load: async (ids, now) => sound.load(ids, now - 1),
  }),
  'load drops a record a millisecond early': (sound) => ({
    load: async (ids, now) => sound.load(ids, now + 1),
  }),
  'load goes by the idle timeout only': (sound) => ({
    load: async (ids, now) => {
      const records = await sound.load(ids, longAgo)
      return records.filter(({ lastSeenAt, idleTimeout }) => lastSeenAt + idleTimeout > now)
    },
  }),
  'load repeats what is asked for twice': (sound) => ({
    load: async (ids, now) =>
      (await Promise.all(ids.map(async (id) => sound.load([id], now)))).flat(),
  }),
  'load answers with the first record only': (sound) => ({
    load: async (ids, now) => (await sound.load(ids, now)).slice(0, 1),
  }),
  'load of no ids hands out everything': (sound) => ({
    load: async (ids, now) =>
      ids.length === 0 ? (await sound.scan({ limit: 1000 }, now)).records : sound.load(ids, now),
  }),
  'load of an unknown id hands out another record': (sound) => ({
    load: async (ids, now) => {
      const records = await sound.load(ids, now)
      return records.length > 0 ? records : (await sound.scan({ limit: 1 }, now)).records
    },
  }),
  'load deletes what has expired': (sound) => ({
    load: async (ids, now) => {
      const live = await sound.load(ids, now)
      for (const id of ids) if (!live.some((record) => record.id === id)) await sound.delete(id)
      return live
    },
  }),
  'load goes by a clock of its own': (sound) => ({
    load: async (ids) => sound.load(ids, Date.now() + 86_400_000 * 365),
  }),
  'load claims to be synchronous': () => ({ loadsSynchronously: true }),
}

export const brokenSaves: BrokenStores = {
  'save creates what is gone': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      if (outcome !== 'gone') return outcome
      await sound.delete(record.id)
      await sound.create(record)
      return 'saved'
    },
  }),
  'save revives what has expired': (sound) => ({
    save: async (record, version, _now, limit) => sound.save(record, version, longAgo, limit),
  }),
  'save drops a record a millisecond early': (sound) => ({
    save: async (record, version, now, limit) => sound.save(record, version, now + 1, limit),
  }),
  'save of another version than that of an expired record is a conflict': (sound) => ({
    save: async (record, version, now, limit) => {
      const current = await stored(sound, record.id)
      if (current !== undefined && current.version !== version) return 'conflict'
      return sound.save(record, version, now, limit)
    },
  }),
  'save ignores the version': (sound) => ({
    save: async (record, version, now, limit) => {
      const current = await stored(sound, record.id)
      return sound.save(record, current?.version ?? version, now, limit)
    },
  }),
  'save refuses older versions only': (sound) => ({
    save: async (record, version, now, limit) => {
      const current = await stored(sound, record.id)
      const fits = current !== undefined && current.version <= version
      return sound.save(record, fits ? current.version : version, now, limit)
    },
  }),
  'save takes the version from the record': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      if (outcome === 'saved')
        await overwrite(sound, record.id, () => ({ version: record.version }))
      return outcome
    },
  }),
  'save does not count the version up': (sound) => ({
    save: async (record, version, ...given) => {
      const outcome = await sound.save(record, version, ...given)
      if (outcome === 'saved') await overwrite(sound, record.id, () => ({ version }))
      return outcome
    },
  }),
  'save takes createdAt from the record': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      const { createdAt } = record
      if (outcome === 'saved') await overwrite(sound, record.id, () => ({ createdAt }))
      return outcome
    },
  }),
  'save takes expiresAt from the record': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      const { expiresAt } = record
      if (outcome === 'saved') await overwrite(sound, record.id, () => ({ expiresAt }))
      return outcome
    },
  }),
  'save moves lastSeenAt back': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      const [lastSeenAt, expiresAt] = [record.lastSeenAt, deadline(record)]
      if (outcome === 'saved') await overwrite(sound, record.id, () => ({ lastSeenAt, expiresAt }))
      return outcome
    },
  }),
  'save takes the present for lastSeenAt': (sound) => ({
    save: async (record, version, now, limit) =>
      sound.save({ ...record, lastSeenAt: now }, version, now, limit),
  }),
  'save never brings the deadline nearer': (sound) => ({
    save: async (record, ...given) => {
      const before = await stored(sound, record.id)
      const outcome = await sound.save(record, ...given)
      if (outcome === 'saved' && before !== undefined) {
        await overwrite(sound, record.id, (after) => ({
          expiresAt: Math.max(before.expiresAt, after.expiresAt),
        }))
      }
      return outcome
    },
  }),
  'save keeps the absolute deadline of the stored record': (sound) => ({
    save: async (record, ...given) => {
      const before = await stored(sound, record.id)
      const absoluteExpiresAt = before?.absoluteExpiresAt ?? record.absoluteExpiresAt
      return sound.save({ ...record, absoluteExpiresAt }, ...given)
    },
  }),
  'save keeps the principal of the stored record': (sound) => ({
    save: async (record, ...given) => {
      const before = await stored(sound, record.id)
      return sound.save({ ...record, principal: before?.principal ?? null }, ...given)
    },
  }),
  'save never sets a field to null': (sound) => ({
    save: async (record, ...given) => {
      const before = await stored(sound, record.id)
      return sound.save({ ...record, ip: record.ip ?? before?.ip ?? null }, ...given)
    },
  }),
}

export const brokenTouches: BrokenStores = {
  'touch moves the deadlines back': (sound) => ({
    touch: async (id, version, lastSeenAt, idleTimeout, now) => {
      const outcome = await sound.touch(id, version, lastSeenAt, idleTimeout, now)
      if (outcome) {
        await overwrite(sound, id, ({ absoluteExpiresAt }) => ({
          lastSeenAt,
          expiresAt: deadline({ lastSeenAt, idleTimeout, absoluteExpiresAt }),
        }))
      }
      return outcome
    },
  }),
  'touch moves nothing': (sound) => ({
    touch: async (id, _version, _lastSeenAt, _idleTimeout, now) =>
      (await sound.load([id], now)).length > 0,
  }),
  'touch is always true': (sound) => ({
    touch: async (...given) => {
      await sound.touch(...given)
      return true
    },
  }),
  'touch counts the version up': (sound) => ({
    touch: async (id, ...given) => {
      const outcome = await sound.touch(id, ...given)
      await overwrite(sound, id, ({ version }) => ({ version: version + 1 }))
      return outcome
    },
  }),
  'touch ignores the version': (sound) => ({
    touch: async (id, version, ...given) =>
      sound.touch(id, (await stored(sound, id))?.version ?? version, ...given),
  }),
  'touch of another version is false': (sound) => ({
    touch: async (id, version, ...given) =>
      (await stored(sound, id))?.version === version && sound.touch(id, version, ...given),
  }),
  'touch goes beyond the absolute deadline': (sound) => ({
    touch: async (id, ...given) => {
      const outcome = await sound.touch(id, ...given)
      if (outcome) {
        await overwrite(sound, id, ({ lastSeenAt, idleTimeout }) => ({
          expiresAt: lastSeenAt + idleTimeout,
        }))
      }
      return outcome
    },
  }),
  'touch revives what has expired': (sound) => ({
    touch: async (id, version, lastSeenAt, idleTimeout) =>
      sound.touch(id, version, lastSeenAt, idleTimeout, longAgo),
  }),
  'touch drops a record a millisecond early': (sound) => ({
    touch: async (id, version, lastSeenAt, idleTimeout, now) =>
      sound.touch(id, version, lastSeenAt, idleTimeout, now + 1),
  }),
  'touch does not store the idle timeout': (sound) => ({
    touch: async (id, ...given) => {
      const before = await stored(sound, id)
      const outcome = await sound.touch(id, ...given)
      if (before !== undefined) {
        await overwrite(sound, id, () => ({ idleTimeout: before.idleTimeout }))
      }
      return outcome
    },
  }),
  'touch brings the deadline nearer': (sound) => ({
    touch: async (id, ...given) => {
      const outcome = await sound.touch(id, ...given)
      if (outcome) await overwrite(sound, id, (record) => ({ expiresAt: deadline(record) }))
      return outcome
    },
  }),
  'touch clears the previous secret': (sound) => ({
    touch: async (id, ...given) => {
      const outcome = await sound.touch(id, ...given)
      await overwrite(sound, id, () => ({ previousSecretHash: null }))
      return outcome
    },
  }),
}

export const brokenDeletes: BrokenStores = {
  'delete ignores the principal': (sound) => ({
    delete: async (id, conditions = {}) => {
      const { principal: _, ...rest } = conditions
      return sound.delete(id, rest)
    },
  }),
  'delete ignores the version': (sound) => ({
    delete: async (id, conditions = {}) => {
      const { expectedVersion: _, ...rest } = conditions
      return sound.delete(id, rest)
    },
  }),
  'delete tells another principal that the version differs': (sound) => ({
    delete: async (id, conditions = {}) => {
      const { expectedVersion } = conditions
      const version = (await stored(sound, id))?.version ?? expectedVersion
      if (expectedVersion !== undefined && version !== expectedVersion) return 'conflict'
      return sound.delete(id, conditions)
    },
  }),
  'delete for a principal ends anonymous sessions': (sound) => ({
    delete: async (id, conditions) => {
      const anonymous = (await stored(sound, id))?.principal === null
      return sound.delete(id, anonymous ? {} : conditions)
    },
  }),
  'delete is always done': (sound) => ({
    delete: async (...given): Promise<DeleteOutcome> => {
      await sound.delete(...given)
      return 'deleted'
    },
  }),
  'deleteAll ignores exceptId': (sound) => ({
    deleteAll: async ({ principal }) => sound.deleteAll({ principal }),
  }),
  'deleteAll spares a principal whose exceptId is of someone else': (sound) => ({
    deleteAll: async (selection) => {
      const { principal, exceptId } = selection
      const excepted = exceptId === undefined ? undefined : await stored(sound, exceptId)
      if (exceptId !== undefined && excepted?.principal !== principal) return 0
      return sound.deleteAll(selection)
    },
  }),
  'deleteAll ends the first hundred sessions only': (sound) => ({
    deleteAll: async ({ principal, exceptId }) => {
      const { records } = await sound.list({ principal, limit: 100 }, longAgo)
      const ids = records.map(({ id }) => id).filter((id) => id !== exceptId)
      for (const id of ids) await sound.delete(id)
      return ids.length
    },
  }),
  'deleteAll ignores upper and lower case': (sound) => ({
    deleteAll: async ({ principal, ...rest }) => {
      const other = principal[0]?.toUpperCase() + principal.slice(1)
      const count = await sound.deleteAll({ principal, ...rest })
      return (
        count + (other === principal ? 0 : await sound.deleteAll({ principal: other, ...rest }))
      )
    },
  }),
  'deleteAll does not count': (sound) => ({
    deleteAll: async (selection) => {
      await sound.deleteAll(selection)
      return 1
    },
  }),
}

export const brokenSweeps: BrokenStores = {
  'sweep has no grace': (sound) => ({
    sweep: async (now, limit) => sound.sweep(now + SWEEP_GRACE, limit),
  }),
  'sweep deletes what expired exactly five minutes ago': (sound) => ({
    sweep: async (now, limit) => sound.sweep(now + 1, limit),
  }),
  'sweep comes a millisecond late': (sound) => ({
    sweep: async (now, limit) => sound.sweep(now - 1, limit),
  }),
  'sweep deletes live records': (sound) => ({
    sweep: async (now, limit) => sound.sweep(now + 86_400_000, limit),
  }),
  'sweep ignores its limit': (sound) => ({ sweep: async (now) => sound.sweep(now, 1_000_000) }),
  'sweep stops one short of its limit': (sound) => ({
    sweep: async (now, limit) => sound.sweep(now, limit - 1),
  }),
  'sweep does nothing': () => ({ sweep: async () => 0 }),
  'sweep answers with its limit': (sound) => ({
    sweep: async (now, limit) => {
      await sound.sweep(now, limit)
      return limit
    },
  }),
  'sweep counts twice': (sound) => ({
    sweep: async (now, limit) => (await sound.sweep(now, limit)) * 2,
  }),
}
