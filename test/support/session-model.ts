import assert from 'node:assert/strict'

/** What a session holds, as the model sees it. */
export interface ModelState {
  data: Record<string, unknown>
  flash: string[]
  principal: string | null
  persistent: boolean
}

export type Change =
  | { readonly type: 'set'; readonly key: string; readonly value: unknown }
  | { readonly type: 'push'; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'increment' }
  | { readonly type: 'clear' }
  | { readonly type: 'keep'; readonly keys: readonly string[] }
  | { readonly type: 'flash'; readonly message: string }
  | { readonly type: 'take-flashes' }
  | { readonly type: 'permanent'; readonly value: boolean }
  | { readonly type: 'login'; readonly principal: string; readonly keep: readonly string[] | null }
  | { readonly type: 'rotate' }
  | { readonly type: 'destroy' }

type Operation =
  | Exclude<Change, { type: 'push' | 'take-flashes' | 'rotate' | 'destroy' }>
  | { readonly type: 'remove-flashes'; readonly messages: readonly string[] }

export interface ModelToken {
  readonly session: ModelSession
  readonly generation: number
}

export class ModelSession {
  state: ModelState
  alive = true
  /** Counts the secrets that it had; only the last one admits. */
  generation = 1
  rotatedAt = 0

  constructor(state: ModelState) {
    this.state = structuredClone(state)
  }
}

/** What one request sees, and what it wants. */
export interface ModelRequest {
  token: ModelToken | null
  /** What destroy() has to end: all that the request came with or has made. */
  own: ModelSession[]
  superseded: boolean
  view: ModelState
  operations: Operation[]
  hasNewCart: boolean
  rotation: 'none' | 'rotate' | 'login'
  destroying: ModelSession[]
  readonly created: Set<ModelSession>
  issued: ModelToken | null
  cookieIsDead: boolean
}

export type Outcome = 'done' | 'gone' | 'unavailable'

const nothing = (): ModelState => ({ data: {}, flash: [], principal: null, persistent: false })

/** What sessions are meant to do, without any concurrency: each commit happens in one moment. */
export class SessionModel {
  readonly sessions: ModelSession[] = []
  now: number
  /** The next write with this verb fails, and nothing happens. */
  failing: 'save' | 'create' | null = null

  constructor(now: number) {
    this.now = now
  }

  begin(presented: ModelToken | null): ModelRequest {
    const { session, generation } = presented ?? {}
    const isFound = session?.alive === true && generation === session.generation
    const isReplaced = session?.alive === true && generation === session.generation - 1
    return {
      token: isFound ? presented : null,
      own: isFound ? [session] : [],
      superseded: isReplaced && this.now < session.rotatedAt + 60_000,
      view: isFound ? structuredClone(session.state) : nothing(),
      operations: [],
      hasNewCart: false,
      rotation: 'none',
      destroying: [],
      created: new Set(),
      issued: null,
      cookieIsDead: false,
    }
  }

  change(request: ModelRequest, change: Change): void {
    const { view, token } = request
    switch (change.type) {
      case 'push':
        if (!Array.isArray(view.data['cart'])) return
        view.data['cart'] = [...view.data['cart'], change.value]
        request.hasNewCart = true
        return
      case 'take-flashes':
        if (view.flash.length > 0)
          this.#do(request, { type: 'remove-flashes', messages: view.flash })
        return
      case 'delete':
        if (change.key in view.data) this.#do(request, change)
        return
      case 'clear':
      case 'keep':
        if (token !== null || Object.keys(view.data).length > 0) this.#do(request, change)
        return
      case 'permanent':
        if (view.persistent !== change.value) this.#do(request, change)
        return
      case 'rotate':
        if (token !== null && request.rotation === 'none') request.rotation = 'rotate'
        return
      case 'login':
        this.#do(request, change)
        request.rotation = 'login'
        return
      case 'destroy':
        request.destroying.push(...request.own)
        Object.assign(request, { ...this.begin(null), ...kept(request) })
        return
      default:
        this.#do(request, change)
    }
  }

  #do(request: ModelRequest, operation: Operation): void {
    if ('key' in operation && operation.key === 'cart') request.hasNewCart = false
    apply(request.view, operation)
    request.operations.push(operation)
  }

  /** Commits requests that ended in the same moment: those that only change data, in one step. */
  commitTogether(requests: readonly ModelRequest[]): void {
    let group: ModelRequest[] = []
    const flush = () => {
      const session = group[0]?.token?.session
      if (session !== undefined) this.#save(session, group)
      group = []
    }
    let isFirst = true
    for (const request of requests) {
      const isAlone = isFirst || request.rotation !== 'none'
      if (!hasChanges(request) || request.token === null) {
        this.commit(request, false)
      } else if (isAlone) {
        flush()
        this.commit(request, false)
        isFirst = false
      } else group.push(request)
    }
    flush()
  }

  commit(request: ModelRequest, failed: boolean): Outcome {
    for (const session of request.destroying.splice(0)) {
      if (session.alive) this.#end(request, session)
    }
    if (!hasChanges(request)) return 'done'
    if (failed) return 'done'
    if (request.token !== null) return this.#save(request.token.session, [request])
    if (request.superseded && request.rotation !== 'login') return this.#drop(request)
    if (isEmpty(request.view)) return 'done'
    return this.#create(request)
  }

  #save(session: ModelSession, requests: readonly ModelRequest[]): Outcome {
    const [first] = requests
    if (first !== undefined && !isEmpty(first.view) && this.#fails('save')) return 'unavailable'
    const open: ModelRequest[] = []
    let outcome: Outcome = 'done'
    for (const request of requests) {
      const { token, rotation } = request
      if (session.alive && token?.generation === session.generation) open.push(request)
      else outcome = rotation === 'login' ? this.#create(request) : this.#drop(request)
    }
    const state = structuredClone(session.state)
    for (const request of open)
      for (const operation of operationsOf(request)) apply(state, operation)
    if (open.length > 0) session.state = state
    for (const request of open) this.#finish(session, request)
    return outcome
  }

  #finish(session: ModelSession, request: ModelRequest): void {
    const { rotation, operations } = request
    if (isEmpty(session.state)) {
      this.#end(request, session)
      this.#settle(request, null, nothing())
      return
    }
    if (rotation !== 'none') {
      session.generation++
      session.rotatedAt = this.now
    }
    const token = { session, generation: session.generation }
    const isIssued = rotation !== 'none' || operations.some(({ type }) => type === 'permanent')
    if (isIssued) request.issued = token
    this.#settle(request, token, structuredClone(session.state))
  }

  #create(request: ModelRequest): Outcome {
    if (this.#fails('create')) return 'unavailable'
    const session = new ModelSession(request.view)
    this.sessions.push(session)
    request.created.add(session)
    request.own.push(session)
    request.issued = { session, generation: 1 }
    this.#settle(request, request.issued, request.view)
    return 'done'
  }

  #drop(request: ModelRequest): Outcome {
    request.issued = null
    this.#settle(request, null, nothing())
    request.superseded = true
    return 'gone'
  }

  #settle(request: ModelRequest, token: ModelToken | null, view: ModelState): void {
    Object.assign(request, { token, view, superseded: false, operations: [] })
    Object.assign(request, { hasNewCart: false, rotation: 'none' })
  }

  #end(request: ModelRequest, session: ModelSession): void {
    session.alive = false
    if (!request.created.has(session)) request.cookieIsDead = true
    if (request.issued?.session === session) request.issued = null
  }

  #fails(verb: 'save' | 'create'): boolean {
    if (this.failing !== verb) return false
    this.failing = null
    return true
  }
}

function hasChanges(request: ModelRequest): boolean {
  return operationsOf(request).length > 0 || request.rotation !== 'none'
}

function operationsOf({ operations, hasNewCart, view }: ModelRequest): Operation[] {
  if (!hasNewCart || !('cart' in view.data)) return operations
  return [...operations, { type: 'set', key: 'cart', value: view.data['cart'] }]
}

/** What outlives a destroy(). */
function kept({ destroying, created, cookieIsDead, superseded }: ModelRequest) {
  return { destroying, created, cookieIsDead, superseded }
}

function isEmpty({ data, flash, principal }: ModelState): boolean {
  return Object.keys(data).length === 0 && flash.length === 0 && principal === null
}

function apply(state: ModelState, operation: Operation): void {
  switch (operation.type) {
    case 'set':
      state.data[operation.key] = structuredClone(operation.value)
      return
    case 'delete':
      delete state.data[operation.key]
      return
    case 'increment':
      state.data['count'] = Number(state.data['count'] ?? 0) + 1
      return
    case 'clear':
      state.data = {}
      return
    case 'keep':
      keepOnly(state, operation.keys)
      return
    case 'flash':
      state.flash = [...state.flash, operation.message]
      return
    case 'remove-flashes':
      state.flash = state.flash.filter((message) => !operation.messages.includes(message))
      return
    case 'permanent':
      state.persistent = operation.value
      return
    case 'login':
      if (state.principal !== null && state.principal !== operation.principal) {
        state.data = {}
        state.flash = []
      } else if (operation.keep !== null) keepOnly(state, operation.keep)
      state.principal = operation.principal
      return
    default:
      assert.fail(`unknown operation ${JSON.stringify(operation)}`)
  }
}

function keepOnly(state: ModelState, keys: readonly string[]): void {
  const entries = Object.entries(state.data).filter(([key]) => keys.includes(key))
  state.data = Object.fromEntries(entries)
}
