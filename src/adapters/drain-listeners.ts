import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'

type Listener = (this: ServerResponse) => void
type On = (this: ServerResponse, type: string | symbol, listener: Listener) => ServerResponse

const watchKey = Symbol('sessile.drainListeners')

interface Watch {
  readonly on: On
  /** Those that a patch of `on` keeps for a stream of its own, as `compression` does. */
  readonly kept: Set<Listener>
}

interface Watched extends ServerResponse {
  [watchKey]?: Watch
}

/** Where `on` is patched, remembers the 'drain' listeners that never arrive at the response. */
export function watchDrainListeners(response: ServerResponse): void {
  const patched = response.on as unknown as On
  if (patched === EventEmitter.prototype.on || (response as Watched)[watchKey]) return
  ;(response as Watched)[watchKey] = { on: patched, kept: new Set() }
  response.on = on as unknown as ServerResponse['on']
}

/** Tells everybody who waits for 'drain', wherever they registered, that they may go on. */
export function emitDrain(response: ServerResponse): void {
  const kept = [...((response as Watched)[watchKey]?.kept ?? [])]
  response.emit('drain')
  for (const listener of kept) listener.call(response)
}

function on(this: Watched, type: string | symbol, listener: Listener): ServerResponse {
  const watch = this[watchKey] as Watch
  if (type !== 'drain') return watch.on.call(this, type, listener)
  const before = this.listenerCount('drain')
  const result = watch.on.call(this, type, listener)
  if (this.listenerCount('drain') === before) watch.kept.add(listener)
  return result
}
