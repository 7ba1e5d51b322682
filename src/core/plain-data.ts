import { SessionDataError } from './errors.ts'

/** Deeper than any data that people mean to store, and far from the limit of the call stack. */
const DEEPEST = 500

const TypedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => ArrayBufferView

/**
 * Walks a value that is going to be stored.
 *
 * @param path how errors call the value, for example `cart`
 * @returns whether JSON carries it exactly; `false` means that it takes the rich format, which also
 * carries `undefined`, Date, Map, Set, BigInt, bytes, NaN, repeated objects and cycles
 * @throws SessionDataError with the path of the first value that neither carries
 */
export function isJson(value: unknown, path: string): boolean {
  return typeof value === 'object' && value !== null
    ? isJsonObject(value, path, new Set(), 0)
    : isJsonPrimitive(value, path)
}

function isJsonPrimitive(value: unknown, path: string): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'undefined':
    case 'bigint':
      return false
    case 'object':
      return true
    default:
      throw unstorable(path, `a ${typeof value}`)
  }
}

function isJsonObject(value: object, path: string, visited: Set<object>, depth: number): boolean {
  if (visited.has(value)) return false
  visited.add(value)
  if (depth === DEEPEST) throw unstorable(path, `nested more than ${DEEPEST} levels deep`)
  let json = true
  const visit = (child: unknown, childPath: () => string) => {
    const childIsJson =
      typeof child === 'object' && child !== null
        ? isJsonObject(child, childPath(), visited, depth + 1)
        : isFastJson(child) || isJsonPrimitive(child, childPath())
    json &&= childIsJson
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      visit(value[index], () => `${path}[${index}]`)
    }
    return json
  }
  if (isPlainObject(value)) {
    for (const key of Object.keys(value)) {
      if (key === '__proto__') throw unstorable(`${path}.__proto__`, 'a key that no data may have')
      visit((value as Record<string, unknown>)[key], () => `${path}.${key}`)
    }
    if (Object.getOwnPropertySymbols(value).length > 0) {
      throw unstorable(path, 'an object with a symbol as key')
    }
    return json
  }
  if (value instanceof Map) {
    let index = 0
    for (const [key, entry] of value) {
      const at = index++
      visit(key, () => `${path}[key ${at}]`)
      visit(entry, () => `${path}[entry ${at}]`)
    }
    return false
  }
  if (value instanceof Set) {
    let index = 0
    for (const entry of value) {
      const at = index++
      visit(entry, () => `${path}[entry ${at}]`)
    }
    return false
  }
  if (value instanceof Date || value instanceof TypedArray || value instanceof ArrayBuffer) {
    return false
  }
  throw unstorable(path, `an instance of ${value.constructor?.name || 'an unnamed class'}`)
}

/** The common cases, before any path is put together. */
function isFastJson(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean'
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === Object.prototype ||
    prototype === null ||
    // An ordinary object of another realm, such as a vm context or a test runner's.
    (Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype as object, 'isPrototypeOf'))
  )
}

function unstorable(path: string, what: string): SessionDataError {
  const named = path.length > 200 ? `${path.slice(0, 200)}…` : path
  return new SessionDataError(
    'ERR_SESSION_DATA_TYPE',
    `The session cannot store ${named}: it is ${what}. Store JSON values, undefined, Date, Map, Set, ` +
      'BigInt or bytes.',
    named,
  )
}
