import { SessionDataError } from './errors.ts'
import type { Payload, StoredFlash } from './payload.ts'
import { checkEntry, copyValue } from './payload.ts'

/** What a request did to its session, in a form that can be done again on fresher data. */
export type Operation =
  | { readonly type: 'set'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'update'; readonly key: string; readonly fn: (value: unknown) => unknown }
  | { readonly type: 'clear' }
  | { readonly type: 'keep'; readonly keys: ReadonlySet<string> }
  | { readonly type: 'flash-add'; readonly message: StoredFlash }
  | { readonly type: 'flash-take'; readonly ids: ReadonlySet<string> }
  | { readonly type: 'permanent'; readonly value: boolean }
  | { readonly type: 'csrf-seed'; readonly seed: string }
  | {
      readonly type: 'login'
      readonly principal: string
      readonly keep: ReadonlySet<string> | null
      readonly csrfSeed: string
    }

/** The part of a session that operations change. */
export interface SessionState {
  readonly payload: Payload
  persistent: boolean
  principal: string | null
}

/** Does one operation. May throw what an app's own `fn` throws, or a SessionDataError. */
export function applyOperation(state: SessionState, operation: Operation): void {
  const { payload } = state
  const { data } = payload
  switch (operation.type) {
    case 'set':
      data.set(operation.key, operation.value)
      return
    case 'delete':
      data.delete(operation.key)
      return
    case 'update':
      data.set(operation.key, updated(operation, data.get(operation.key)))
      return
    case 'clear':
      data.clear()
      return
    case 'keep':
      keepOnly(data, operation.keys)
      return
    case 'flash-add':
      payload.flash = [...payload.flash, operation.message]
      return
    case 'flash-take':
      payload.flash = payload.flash.filter(({ id }) => !operation.ids.has(id))
      return
    case 'permanent':
      state.persistent = operation.value
      return
    case 'csrf-seed':
      payload.csrfSeed ??= operation.seed
      return
    case 'login':
      if (state.principal !== null && state.principal !== operation.principal) {
        data.clear()
        payload.flash = []
      } else if (operation.keep !== null) {
        keepOnly(data, operation.keep)
      }
      state.principal = operation.principal
      payload.csrfSeed = operation.csrfSeed
      return
  }
}

function keepOnly(data: Map<string, unknown>, keys: ReadonlySet<string>): void {
  for (const key of data.keys()) if (!keys.has(key)) data.delete(key)
}

function updated(operation: Operation & { type: 'update' }, value: unknown): unknown {
  const { key, fn } = operation
  const result = fn(copyValue(value, key))
  if (result instanceof Promise) {
    // Its outcome can no longer matter: without this its rejection would end the process.
    result.catch(() => {})
    throw new SessionDataError(
      'ERR_SESSION_DATA_TYPE',
      `session.update(${JSON.stringify(key)}, fn): fn must be synchronous, since it may run again. ` +
        'Await what it needs before.',
      key,
    )
  }
  checkEntry(key, result)
  return result
}
