import { types } from 'node:util'
import { SessionDataError } from './errors.ts'

/** Deeper than any data that people mean to store, and far from the limit of the call stack. */
const DEEPEST = 500

/**
 * Walks a value that is going to be stored.
 *
 * @param path how errors call the value, for example `cart`
 * @returns whether JSON carries it exactly; `false` means that it takes the rich format, which also
 * carries `undefined`, Date, Map, Set, BigInt, bytes, NaN, repeated objects and cycles
 * @throws SessionDataError with the path of the first value that neither carries
 */
export function isJson(value: unknown, path: string): boolean {
  return new DataWalk(path).isJson(value)
}

/** Of an object its key, of an array its index, of a Map or Set a text such as `entry 3`. */
type Step = string | number | { readonly entry: string }

class DataWalk {
  readonly #root: string
  /** From the root to the object that is being looked at. */
  readonly #steps: Step[] = []
  readonly #visited = new Set<object>()

  constructor(root: string) {
    this.#root = root
  }

  isJson(value: unknown): boolean {
    return isObject(value) ? this.#isJsonObject(value) : this.#isJsonPrimitive(value)
  }

  #isJsonPrimitive(value: unknown): boolean {
    switch (typeof value) {
      case 'string':
      case 'boolean':
      case 'object':
        return true
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0)
      case 'undefined':
      case 'bigint':
        return false
      default:
        throw this.#unstorable(`a ${typeof value}`)
    }
  }

  #isJsonObject(value: object): boolean {
    if (this.#visited.has(value)) return false
    this.#visited.add(value)
    if (this.#steps.length === DEEPEST) throw this.#unstorable(`more than ${DEEPEST} levels deep`)
    try {
      if (Array.isArray(value)) return this.#isJsonArray(value)
      if (isPlainObject(value)) return this.#isJsonRecord(value)
      this.#checkRich(value)
      return false
    } catch (error) {
      if (error instanceof SessionDataError) throw error
      throw this.#unstorable('an object that cannot be read: a getter or a Proxy throws')
    }
  }

  #isJsonArray(array: readonly unknown[]): boolean {
    if (!isDirectInstance(array)) throw this.#instance(array)
    if ('toJSON' in array) throw this.#unstorable('an array with a toJSON method')
    let json = true
    for (let index = 0; index < array.length; index++) {
      const child = array[index]
      if (child === undefined && !Object.hasOwn(array, index)) return this.#checkSparse(array)
      json = this.#isJsonChild(child, index) && json
    }
    return json
  }

  /** Not by counting up: one element can make a sparse array four billion elements long. */
  #checkSparse(array: readonly unknown[]): false {
    for (const key of Object.keys(array)) {
      const index = Number(key)
      if (Number.isInteger(index)) this.#isJsonChild(array[index], index)
    }
    return false
  }

  #isJsonRecord(record: Readonly<Record<string, unknown>>): boolean {
    let json = true
    for (const key of Object.keys(record)) {
      if (key === '__proto__') throw this.#unstorable('an object with the key __proto__')
      json = this.#isJsonChild(record[key], key) && json
    }
    if (Object.getOwnPropertySymbols(record).length > 0) {
      throw this.#unstorable('an object with a symbol as key')
    }
    if (typeof record['toJSON'] === 'function') {
      throw this.#unstorable('an object with a toJSON method')
    }
    return json
  }

  #checkRich(value: object): void {
    if (types.isMap(value) && isDirectInstance(value)) {
      let index = 0
      for (const [key, entry] of value) {
        this.#isJsonChild(key, { entry: `key ${index}` })
        this.#isJsonChild(entry, { entry: `entry ${index++}` })
      }
    } else if (types.isSet(value) && isDirectInstance(value)) {
      let index = 0
      for (const entry of value) this.#isJsonChild(entry, { entry: `entry ${index++}` })
    } else if (types.isTypedArray(value)) {
      if (!types.isArrayBuffer(value.buffer)) throw this.#unstorable('bytes of shared memory')
    } else if (!types.isArrayBuffer(value) && !(types.isDate(value) && isDirectInstance(value))) {
      throw this.#instance(value)
    }
  }

  #isJsonChild(child: unknown, step: Step): boolean {
    if (child === null || typeof child === 'string' || typeof child === 'boolean') return true
    this.#steps.push(step)
    const json = this.isJson(child)
    this.#steps.pop()
    return json
  }

  #instance(value: object): SessionDataError {
    if (types.isProxy(value)) return this.#unstorable('a Proxy of something that is no plain data')
    return this.#unstorable(`an instance of ${value.constructor?.name || 'an unnamed class'}`)
  }

  #unstorable(what: string): SessionDataError {
    const path = this.#root + this.#steps.map(spell).join('')
    const named = path.length > 200 ? `${path.slice(0, 200)}…` : path
    return new SessionDataError(
      'ERR_SESSION_DATA_TYPE',
      `The session cannot store ${named}: it is ${what}. Store JSON values, undefined, Date, Map, ` +
        'Set, BigInt or bytes.',
      named,
    )
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function spell(step: Step): string {
  if (typeof step === 'string') return `.${step}`
  return `[${typeof step === 'number' ? step : step.entry}]`
}

/** An object as `{}` makes it, with no prototype, or of another realm, such as a test runner's. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
  )
}

/** Of a built-in class itself, of whichever realm: storing would make a subclass one of those. */
function isDirectInstance(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  const parent: unknown = prototype === null ? null : Object.getPrototypeOf(prototype)
  return parent !== null && Object.getPrototypeOf(parent) === null
}
