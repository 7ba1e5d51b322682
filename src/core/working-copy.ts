import type { Operation, SessionState } from './operations.ts'
import { applyOperation } from './operations.ts'
import { checkEntry, copyValue, decodePayload, emptyPayload, fingerprint } from './payload.ts'
import { isObject } from './plain-data.ts'
import type { Serializer } from './serializer.ts'

interface HeldObject {
  readonly value: object
  /** What it is without changes; `null`: as the last commit has stored it, not looked at yet. */
  fingerprint: string | null
}

/**
 * The state of a session as one request sees it, and the operations that made it so. Objects are
 * handed out as they are; a change inside one is found by comparing it with its stored form.
 */
export class WorkingCopy {
  state: SessionState
  readonly #serializer: Serializer
  /** The form in which the last commit has stored the data; decoded when something is compared. */
  #stored: string | Uint8Array | null = null
  #storedData: ReadonlyMap<string, unknown> | null = null
  #operations: Operation[] = []
  /** Those that the last commit took, for the case that it fails. */
  #taken: readonly Operation[] = []
  /** Objects of the data that the handler holds, by key. */
  #held = new Map<string, HeldObject>()
  /** Objects that this request has set: their operation holds them, changes inside included. */
  #set = new Set<object>()

  constructor(serializer: Serializer, state: SessionState = emptyState()) {
    this.#serializer = serializer
    this.state = state
  }

  get data(): ReadonlyMap<string, unknown> {
    return this.state.payload.data
  }

  get(key: string): unknown {
    const value = this.data.get(key)
    if (isObject(value) && !this.#set.has(value)) {
      if (this.#held.get(key)?.value !== value) this.#hold(key, value)
    }
    return value
  }

  set(key: string, value: unknown): void {
    checkEntry(key, value)
    if (isObject(value)) this.#set.add(value)
    this.apply({ type: 'set', key, value })
  }

  update(key: string, fn: (value: unknown) => unknown): unknown {
    this.#recordNestedChange(key)
    const before = this.data.get(key)
    this.apply({ type: 'update', key, fn })
    this.#letGo(key, before)
    const value = this.data.get(key)
    if (isObject(value)) this.#hold(key, value)
    return value
  }

  /** Does an operation and records it; one that throws is not recorded. */
  apply(operation: Operation): void {
    applyOperation(this.state, operation)
    this.#operations.push(operation)
  }

  /** Everything done since the last {@link take}, changes inside objects included. */
  operations(): readonly Operation[] {
    for (const key of this.#held.keys()) this.#recordNestedChange(key)
    return this.#operations
  }

  /** Hands the operations over to a commit. `stored` is the form in which it stores their result. */
  take(stored: string | Uint8Array | null): readonly Operation[] {
    this.#taken = this.operations()
    this.#operations = []
    this.#stored = stored
    this.#storedData = null
    for (const [key, value] of this.data) {
      // Not looked at here: most requests end with this commit.
      if (isObject(value) && this.#set.has(value)) this.#held.set(key, { value, fingerprint: null })
    }
    this.#set = new Set()
    return this.#taken
  }

  /** Takes back what a commit that failed had taken, so that the next one tries it again. */
  restore(): void {
    this.#operations = [...this.#taken, ...this.#operations]
  }

  /** Moves on to what a commit has stored, with what was done since {@link take} on top of it. */
  rebase(state: SessionState): void {
    const later = this.operations()
    const held = this.#held
    this.state = state
    this.#held = new Map()
    for (const [key, { value }] of held) this.#keepReference(key, value)
    for (const operation of later) applyOperation(state, operation)
  }

  /** The handler still holds this object: it stays the one in the data if both say the same. */
  #keepReference(key: string, value: object): void {
    const { data } = this.state.payload
    if (!data.has(key)) return
    const mine = fingerprint(value, key)
    if (mine !== fingerprint(data.get(key), key)) return
    data.set(key, value)
    this.#held.set(key, { value, fingerprint: mine })
  }

  #hold(key: string, value: object): void {
    this.#held.set(key, { value, fingerprint: fingerprint(value, key) })
  }

  #recordNestedChange(key: string): void {
    const held = this.#held.get(key)
    if (held === undefined || this.data.get(key) !== held.value) return
    held.fingerprint ??= this.#storedFingerprint(key)
    if (fingerprint(held.value, key) === held.fingerprint) return
    this.#held.delete(key)
    this.#set.add(held.value)
    this.apply({ type: 'set', key, value: held.value })
  }

  /** An object that an update has replaced: what the handler does to it from now on is lost. */
  #letGo(key: string, value: unknown): void {
    if (!isObject(value)) return
    const fix = (operation: Operation) =>
      operation.type === 'set' && operation.key === key && operation.value === value
        ? { ...operation, value: copyValue(value, key) }
        : operation
    this.#operations = this.#operations.map(fix)
    this.#taken = this.#taken.map(fix)
  }

  #storedFingerprint(key: string): string {
    this.#storedData ??= this.#decodeStored()
    return fingerprint(this.#storedData.get(key), key)
  }

  #decodeStored(): ReadonlyMap<string, unknown> {
    const payload = this.#stored && decodePayload(this.#stored, this.#serializer)
    return payload === null || typeof payload === 'string' ? new Map() : payload.data
  }
}

export function emptyState(): SessionState {
  return { payload: emptyPayload(), persistent: false, principal: null }
}
