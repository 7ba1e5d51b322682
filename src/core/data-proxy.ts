import { inspect } from 'node:util'
import type { Session, SessionKey } from './session.ts'

/** The data of a session as an object: reading, assigning, `in`, `delete` and `Object.keys` work. */
export function dataProxy<T extends object>(session: Session<T>): Partial<T> {
  const isKey = (key: string | symbol): key is SessionKey<T> => typeof key === 'string'
  // console.log() looks past a Proxy: without this it would show an empty object.
  const showData = { value: () => session.toJSON(), configurable: true }
  return new Proxy(Object.create(null, { [inspect.custom]: showData }) as Partial<T>, {
    get: (_target, key) => (isKey(key) ? session.get(key) : undefined),
    has: (_target, key) => isKey(key) && session.has(key),
    ownKeys: () => [...session.keys()],
    set(_target, key, value) {
      if (!isKey(key)) return false
      session.set(key, value as T[typeof key])
      return true
    },
    deleteProperty(_target, key) {
      if (isKey(key)) session.delete(key)
      return true
    },
    defineProperty(_target, key, descriptor) {
      const { configurable = true, enumerable = true, writable = true } = descriptor
      const isPlain = configurable && enumerable && writable && 'value' in descriptor
      if (!isKey(key) || !isPlain) return false
      session.set(key, descriptor.value as T[typeof key])
      return true
    },
    getOwnPropertyDescriptor(_target, key) {
      if (!isKey(key) || !session.has(key)) return undefined
      return { value: session.get(key), writable: true, enumerable: true, configurable: true }
    },
    preventExtensions: () => false,
    setPrototypeOf: () => false,
  })
}
