import { StoreUnavailableError } from '../../../src/core/errors.ts'
import type { BrokenStores } from './broken-store.ts'
import { changeRecords, longAgo, nextStep, stored } from './broken-store.ts'

export const brokenRaces: BrokenStores = {
  'save compares the version first and writes then': (sound) => ({
    save: async (record, version, now, limit) => {
      const [live] = await sound.load([record.id], now)
      if (live === undefined) return 'gone'
      if (live.version !== version) return 'conflict'
      await nextStep()
      const current = await stored(sound, record.id)
      return sound.save(record, current?.version ?? version, now, limit)
    },
  }),
  'save reads, and writes over whatever has happened meanwhile': (sound) => ({
    save: async (record, version, now, limit) => {
      const outcome = await sound.save(record, version, now, limit)
      await nextStep()
      if (outcome === 'saved') await sound.create({ ...record, version: version + 1 })
      return outcome
    },
  }),
  'touch reads, and writes over whatever has happened meanwhile': (sound) => ({
    touch: async (id, version, lastSeenAt, idleTimeout, now) => {
      const [live] = await sound.load([id], now)
      if (live === undefined) return false
      await nextStep()
      await sound.delete(id)
      await sound.create({ ...live, lastSeenAt, idleTimeout })
      return sound.touch(id, version, lastSeenAt, idleTimeout, now)
    },
  }),
  'delete compares the version first and deletes then': (sound) => ({
    delete: async (id, conditions) => {
      const version = (await stored(sound, id))?.version
      if (version === undefined) return 'gone'
      await nextStep()
      if (conditions?.expectedVersion !== undefined && conditions.expectedVersion !== version) {
        return 'conflict'
      }
      await sound.delete(id)
      return 'deleted'
    },
  }),
  'deleteAll reads first and deletes what it has read': (sound) => ({
    deleteAll: async ({ principal }) => {
      const { records } = await sound.list({ principal, limit: 1000 }, longAgo)
      await nextStep()
      let count = 0
      for (const { id, version } of records) {
        const outcome = await sound.delete(id, { expectedVersion: version })
        if (outcome === 'deleted') count++
      }
      return count
    },
  }),
  'outcomes of one turn are answered in the wrong order': (sound) => {
    let before: Promise<unknown> = Promise.resolve()
    return {
      save: async (...given) => {
        const mine = Promise.resolve(sound.save(...given))
        const answer = before as typeof mine
        before = mine
        await nextStep()
        return (await answer) ?? mine
      },
    }
  },
  'save writes in two halves': (sound) => ({
    save: async (record, version, now, limit) => {
      const [live] = await sound.load([record.id], now)
      const half = { ...record, secretHash: live?.secretHash ?? record.secretHash }
      const outcome = await sound.save(half, version, now, limit)
      if (outcome !== 'saved') return outcome
      await nextStep()
      const whole = await stored(sound, record.id)
      await sound.delete(record.id)
      if (whole !== undefined) await sound.create({ ...whole, secretHash: record.secretHash })
      return outcome
    },
  }),
}

export const brokenIds: BrokenStores = {
  'ids are compared without case': (sound) => ({
    load: async (ids, now) =>
      sound.load(
        ids.map((id) => id.toLowerCase()),
        now,
      ),
  }),
  'ids are trimmed': (sound) => ({
    delete: async (id, conditions) => sound.delete(id.trim(), conditions),
  }),
  'ids of another shape make load fail': (sound) => ({
    load: async (ids, now) => {
      if (ids.some((id) => id.includes('\0'))) throw new StoreUnavailableError('Invalid text.')
      return sound.load(ids, now)
    },
  }),
  'ids are keys of a plain object': (sound) => {
    const versions: Record<string, number> = {}
    return {
      touch: async (id, ...given) => versions[id] !== undefined || sound.touch(id, ...given),
    }
  },
  'save of an odd id creates': (sound) => ({
    save: async (record, ...given) => {
      const outcome = await sound.save(record, ...given)
      return outcome === 'gone' && record.id.length > 255 ? 'saved' : outcome
    },
  }),
  'deleteAll takes exceptId for a pattern': (sound) => ({
    deleteAll: async ({ principal, exceptId }) =>
      exceptId === '%' ? 0 : sound.deleteAll({ principal, ...(exceptId && { exceptId }) }),
  }),
}

export const brokenCloses: BrokenStores = {
  'close closes nothing': () => ({ close: async () => {} }),
  'close may be called once only': (sound) => {
    let closed = false
    return {
      close: async () => {
        if (closed) throw new Error('The client is closed.')
        closed = true
        await sound.close()
      },
    }
  },
  'after close the error is the one of the client': (sound) => {
    let closed = false
    return {
      close: async () => {
        closed = true
        await sound.close()
      },
      load: async (...given) => {
        if (closed) throw new Error('The client is closed.')
        return sound.load(...given)
      },
    }
  },
  'after close a load of no ids is answered': (sound) => ({
    load: async (ids, now) => (ids.length === 0 ? [] : sound.load(ids, now)),
  }),
  'after close the sweep answers 0': (sound) => {
    let closed = false
    return {
      close: async () => {
        closed = true
        await sound.close()
      },
      sweep: async (...given) => (closed ? 0 : sound.sweep(...given)),
    }
  },
  'close drops the writes that wait': (sound) => ({
    save: async (...given) => {
      await nextStep()
      return sound.save(...given)
    },
  }),
}

/** Sound ones: the suite must let them pass. */
export const soundStores: BrokenStores = {
  'a store that answers with promises': () => ({}),
  'a store that answers late': (sound) => ({
    load: async (...given) => {
      await nextStep()
      return sound.load(...given)
    },
    create: async (...given) => {
      const outcome = await sound.create(...given)
      await nextStep()
      return outcome
    },
  }),
  'a store whose pages are short': (sound) => ({
    list: async (query, now) => sound.list({ ...query, limit: 1 }, now),
    scan: async (query, now) => sound.scan({ ...query, limit: 1 }, now),
  }),
  'a store that hands out Buffers': (sound) =>
    changeRecords(sound, (record) => ({
      ...record,
      data: typeof record.data === 'string' ? record.data : Buffer.from(record.data),
    })),
}
