import { AsyncLocalStorage } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { SavedSession, SessionResponse } from '../core/session-interface.ts'
import type { MaybePromise } from '../core/store.ts'
import { emitDrain, watchDrainListeners } from './drain-listeners.ts'
import { type HeldCall, rehearse } from './rehearsal.ts'
import { isPromise } from './request-facts.ts'
import {
  type ResponseSnapshot,
  restoreSnapshot,
  setStatusMessage,
  statusMessageOf,
} from './response-snapshot.ts'
import { type Pretence, pretendSent, stopPretending } from './sent-pretence.ts'
import { applyHead, type WriteHeadArgs } from './write-head.ts'

/** What has to happen before the headers of a response leave. */
export interface HeaderCommit {
  /** What the response goes back to if the commit fails. */
  readonly before: ResponseSnapshot
  save(response: SessionResponse): MaybePromise<SavedSession>
  /** What the answer with an error must carry, after the commit has failed. */
  headersAfterFailure?(): SavedSession['headers']
  /** The headers have left in a way that the hook cannot see; nothing can be added any more. */
  missed(): void
  /** Takes over the response, as good as new, to answer with an error. */
  fail(error: unknown): void
}

/**
 * Prepares to commit once, at the first call that would send the headers of `response`, and to add
 * the headers that the commit gives. Nothing of it happens unless the hook is armed.
 *
 * If the commit is not done at once, the response behaves as sent from that call on: further calls
 * are checked as Node does, wait, and are made in their order when the commit ends. If it fails,
 * they are forgotten, and `commit.fail` may answer instead.
 */
export function hookResponse(response: ServerResponse, commit: HeaderCommit): { arm(): void } {
  watchDrainListeners(response)
  const hooked = response as Hooked
  const hook = new Hook(hooked, commit)
  hooked[hookKey] = hook
  // Not only when the hook is armed: in `response.end(session.get('name'))` that is too late.
  hooked.writeHead = writeHead
  hooked.write = write
  hooked.end = end
  hooked.flushHeaders = flushHeaders
  return hook
}

/** The commit that a response waits for already, by a middleware that was mounted before. */
export function commitOf(response: ServerResponse): HeaderCommit | undefined {
  return (response as Partial<Hooked>)[hookKey]?.commit
}

type Method<R> = (this: Hooked, ...args: unknown[]) => R

interface Methods {
  writeHead: (this: Hooked, ...args: WriteHeadArgs) => Hooked
  write: Method<boolean>
  end: Method<Hooked>
  flushHeaders: Method<void>
  on: Method<Hooked>
}

const hookKey = Symbol('sessile.headerCommit')

type Hooked = Omit<ServerResponse, keyof Methods> & Methods & { [hookKey]: Hook }

/**
 * `idle`: there is nothing to commit yet. `armed`: there is, and nothing was sent yet. `held`: the
 * commit is under way. `saved`: it is done, its headers are not added yet. `passed`: the hook has
 * done its work. `failed`: so it has, in vain.
 */
type Phase = 'idle' | 'armed' | 'held' | 'saved' | 'passed' | 'failed'

class Hook implements Pretence {
  phase: Phase = 'idle'
  readonly commit: HeaderCommit
  /** The methods as the hook found them: Node's own, or a patch such as that of `compression`. */
  readonly found: Methods
  readonly calls: HeldCall[] = []
  ended = false
  needsDrain = false
  status = 200
  statusMessage: string | undefined
  headers: SavedSession['headers'] = []
  error: unknown
  /** Whether the error handler has begun its answer. */
  answered = false

  constructor(response: Hooked, commit: HeaderCommit) {
    this.commit = commit
    const { writeHead, write, end, flushHeaders, on } = response
    this.found = { writeHead, write, end, flushHeaders, on }
  }

  get held(): boolean {
    return this.phase === 'held'
  }

  arm(): void {
    if (this.phase === 'idle') this.phase = 'armed'
  }
}

function writeHead(this: Hooked, ...args: WriteHeadArgs): Hooked {
  const hook = this[hookKey]
  if (hook.phase === 'idle' || hook.phase === 'passed')
    return hook.found.writeHead.apply(this, args)
  if (hook.phase === 'failed') return this
  // Node refuses it, and a patch in between shall not see it.
  if (hook.phase === 'held') return prototypeOf(this).writeHead.apply(this, args)
  const status = args[0] | 0
  // An informational response, or none that Node accepts.
  if (status < 200 || status > 999 || this.headersSent)
    return hook.found.writeHead.apply(this, args)

  const head = applyHead(asResponse(this), args)
  if (hook.phase === 'armed') {
    rehearse(asResponse(this), [], 'writeHead', head)
    if (!startCommit(this, hook)) {
      hook.calls.push({ method: 'writeHead', args: head })
      return this
    }
    if (hasFailed(hook)) return this
  }
  addHeaders(this, hook.headers)
  hook.phase = 'passed'
  return hook.found.writeHead.apply(this, head)
}

function write(this: Hooked, ...args: unknown[]): boolean {
  const hook = this[hookKey]
  if (isOpen(this, hook, 'write', args)) return hook.found.write.apply(this, args)
  if (hook.phase === 'held') hook.needsDrain = true
  return false
}

function end(this: Hooked, ...args: unknown[]): Hooked {
  const hook = this[hookKey]
  if (isOpen(this, hook, 'end', args)) return hook.found.end.apply(this, args)
  hook.ended = true
  return this
}

function flushHeaders(this: Hooked): void {
  const hook = this[hookKey]
  if (isOpen(this, hook, 'flushHeaders', [])) hook.found.flushHeaders.apply(this, [])
}

/** Whether a call may be made now. Commits first if need be; keeps or drops a call that may not. */
function isOpen(
  response: Hooked,
  hook: Hook,
  method: HeldCall['method'],
  args: unknown[],
): boolean {
  const { phase } = hook
  if (phase === 'idle' || phase === 'passed' || phase === 'saved') return true
  if (phase === 'armed') {
    if (response.headersSent) {
      hook.phase = 'passed'
      hook.commit.missed()
      return true
    }
    rehearse(asResponse(response), [], method, args)
    if (startCommit(response, hook) && !hasFailed(hook)) return true
  } else if (phase === 'held') {
    rehearse(asResponse(response), hook.calls, method, args)
  }
  if (hook.phase === 'failed') swallow(hook, args)
  else hook.calls.push({ method, args })
  return false
}

/** @returns false if the response has to wait. */
function startCommit(response: Hooked, hook: Hook): boolean {
  try {
    const saved = hook.commit.save({
      status: response.statusCode,
      cacheControl: headerText(response, 'cache-control'),
      vary: headerText(response, 'vary'),
    })
    if (isPromise(saved)) {
      hook.phase = 'held'
      hook.status = response.statusCode
      hook.statusMessage = statusMessageOf(asResponse(response))
      pretendSent(asResponse(response), hook)
      saved.then(
        ({ headers }) => release(response, hook, headers),
        (error: unknown) => {
          stopPretending(asResponse(response))
          fail(response, hook, error)
        },
      )
      return false
    }
    hook.headers = saved.headers
    hook.phase = 'saved'
  } catch (error) {
    fail(response, hook, error)
  }
  return true
}

function release(response: Hooked, hook: Hook, headers: SavedSession['headers']): void {
  stopPretending(asResponse(response))
  hook.headers = headers
  hook.phase = 'saved'
  // Whoever changed them while the response was held came too late.
  response.statusCode = hook.status
  setStatusMessage(asResponse(response), hook.statusMessage)
  let drained = hook.needsDrain && !hook.ended
  try {
    for (const { method, args } of hook.calls) {
      const result: unknown =
        method === 'writeHead'
          ? writeHead.apply(response, args as WriteHeadArgs)
          : hook.found[method].apply(response, args)
      if (result === false) drained = false
    }
  } catch (error) {
    // Node saw something that the rehearsal did not.
    if (!response.headersSent) {
      restoreSnapshot(asResponse(response), hook.commit.before)
      hook.phase = 'saved'
    }
    hook.commit.fail(error)
    return
  }
  if (drained) emitDrain(asResponse(response))
}

/** Whether a call is made by the error handler: the one whose answer failed may not know it yet. */
const answering = new AsyncLocalStorage<Hook>()

function fail(response: Hooked, hook: Hook, error: unknown): void {
  hook.phase = 'failed'
  hook.error = error
  restoreSnapshot(asResponse(response), hook.commit.before)
  addHeaders(response, hook.commit.headersAfterFailure?.() ?? [])
  for (const { args } of hook.calls) swallow(hook, args)
  // Patches that were put around the hook, such as `compression`, have begun the answer that is
  // discarded now: they keep the hook's methods, and the response gets others.
  response.writeHead = answerHead
  response.write = answerWrite
  response.end = answerEnd
  response.flushHeaders = answerFlushHeaders
  response.on = hook.found.on
  answering.run(hook, () => hook.commit.fail(error))
}

function answerHead(this: Hooked, ...args: WriteHeadArgs): Hooked {
  const hook = this[hookKey]
  return isAnswer(this, hook) ? hook.found.writeHead.apply(this, args) : this
}

function answerWrite(this: Hooked, ...args: unknown[]): boolean {
  const hook = this[hookKey]
  if (!this.writableEnded && isAnswer(this, hook)) return hook.found.write.apply(this, args)
  swallow(hook, args)
  return false
}

function answerEnd(this: Hooked, ...args: unknown[]): Hooked {
  const hook = this[hookKey]
  if (!this.writableEnded && isAnswer(this, hook)) return hook.found.end.apply(this, args)
  swallow(hook, args)
  return this
}

function answerFlushHeaders(this: Hooked): void {
  const hook = this[hookKey]
  if (isAnswer(this, hook)) hook.found.flushHeaders.apply(this, [])
}

/**
 * An error handler that lost its async context is known by the status it has set. The producer of
 * the discarded answer must not send what it still has as a 200, nor into the error page.
 */
function isAnswer(response: Hooked, hook: Hook): boolean {
  if (answering.getStore() === hook) hook.answered = true
  else if (hook.answered || response.statusCode < 400) return false
  return true
}

function swallow(hook: Hook, args: readonly unknown[]): void {
  const callback = args.find((value) => typeof value === 'function')
  if (callback) process.nextTick(callback as (error: unknown) => void, hook.error)
}

function addHeaders(response: Hooked, headers: SavedSession['headers']): void {
  for (const [name, value] of headers) {
    if (name.toLowerCase() === 'set-cookie') response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
}

function headerText(response: Hooked, name: string): string | undefined {
  const value = response.getHeader(name)
  return Array.isArray(value) ? value.join(', ') : value?.toString()
}

/** TypeScript does not see that the phase changes in the calls in between. */
function hasFailed(hook: Hook): boolean {
  return hook.phase === 'failed'
}

function prototypeOf(response: Hooked): Hooked {
  return Object.getPrototypeOf(response) as Hooked
}

function asResponse(response: Hooked): ServerResponse {
  return response as unknown as ServerResponse
}
