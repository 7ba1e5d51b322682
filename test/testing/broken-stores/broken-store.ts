import type { SessionRecord } from '../../../src/core/session-record.ts'
import type { Store } from '../../../src/core/store.ts'

/** What one broken store does otherwise than the sound one it is built on. */
export type Break = (sound: Store) => Partial<Store>

/** Broken stores by the sentence that says what is wrong with them. */
export type BrokenStores = Readonly<Record<string, Break>>

/** Before every deadline, so that expired records are found too. */
export const longAgo = 0

export async function stored(sound: Store, id: string): Promise<SessionRecord | undefined> {
  return (await sound.load([id], longAgo))[0]
}

/** Writes past the rules of the contract. */
export async function overwrite(
  sound: Store,
  id: string,
  change: (record: SessionRecord) => Partial<SessionRecord>,
): Promise<void> {
  const record = await stored(sound, id)
  if (record === undefined) return
  await sound.delete(id)
  await sound.create({ ...record, ...change(record) })
}

/** Overrides every verb that hands out records. */
export function changeRecords(
  sound: Store,
  change: (record: SessionRecord) => SessionRecord,
): Partial<Store> {
  return {
    load: async (...given) => (await sound.load(...given)).map(change),
    list: async (...given) => {
      const page = await sound.list(...given)
      return { ...page, records: page.records.map(change) }
    },
    scan: async (...given) => {
      const page = await sound.scan(...given)
      return { ...page, records: page.records.map(change) }
    },
  }
}

/** Lets other verbs in: what comes after it is another step. */
export function nextStep(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
