// Compiled, never run: what the types of sessions accept and give, as an app's author sees them.

import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Request as ExpressRequest } from 'express'
import { z } from 'zod'
import {
  createSessions,
  session as currentSession,
  type DefaultSessionData,
  type FlashMessage,
  type Session,
  type SessionErrorCode,
  type SessionEvent,
  type SessionInterface,
  type SessionsOptions,
} from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { signIn } from '../../src/testing.ts'

/** True only for one and the same type; `any` is the same as nothing but `any`. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false

/** Compiles only where the types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

interface Data {
  name: string
  visits: number
  cart: { sku: string }[]
  since: Date
  theme?: 'dark' | 'light'
  7: boolean
  [hidden]: string
}
declare const hidden: unique symbol

const store = memoryStore()
const sessions = createSessions<Data>({ store })
type TypedSession = Session<Data>

export async function aTypeFlowsFromCreateSessionsToEverySession(): Promise<void> {
  const carrier = {}
  const opened = await sessions.open({ cookie: undefined })
  same<typeof opened, TypedSession>()
  const current = sessions.current()
  same<typeof current, TypedSession>()
  const attached = sessions.of(carrier)
  same<typeof attached, TypedSession>()
  const result = sessions.run(opened, async () => 1)
  same<typeof result, Promise<number>>()
  await sessions.save(opened, { status: 200, cacheControl: null })
  await signIn(sessions, { data: { visits: 1 } })
  // @ts-expect-error: visits is a number
  await signIn(sessions, { data: { visits: '1' } })
  // @ts-expect-error: an object is not a session
  await sessions.save({})
  // @ts-expect-error: the request is missing
  await sessions.open()
  // @ts-expect-error: a carrier is an object
  sessions.of('request')
}

export function readingGivesTheTypeOfTheKeyOrUndefined(session: TypedSession): void {
  const name = session.get('name')
  same<typeof name, string | undefined>()
  const theme = session.get('theme')
  same<typeof theme, 'dark' | 'light' | undefined>()
  const since = session.get('since')
  same<typeof since, Date | undefined>()
  // @ts-expect-error: there is no such key
  session.get('nmae')
  // @ts-expect-error: keys are texts
  session.get(7)
  // @ts-expect-error: keys are texts
  session.get(hidden)
  // @ts-expect-error: there is no such key
  session.has('nmae')
  const key: 'name' | 'theme' = 'name' as 'name' | 'theme'
  const either = session.get(key)
  same<typeof either, string | undefined>()
}

export function writingTakesTheTypeOfTheKey(session: TypedSession): void {
  session.set('name', 'Ada')
  session.set('theme', 'dark')
  session.set('cart', [{ sku: 'x1' }])
  // @ts-expect-error: visits is a number
  session.set('visits', '1')
  // @ts-expect-error: name is not optional
  session.set('name', undefined)
  // @ts-expect-error: there is no such theme
  session.set('theme', 'purple')
  // @ts-expect-error: there is no such key
  session.set('nmae', 'Ada')
  // @ts-expect-error: the value is missing
  session.set('name')
  // @ts-expect-error: a session is not written by properties
  session.name = 'Ada'
  const deleted = session.delete('theme')
  same<typeof deleted, boolean>()
  session.keep(['name', 'cart'])
  // @ts-expect-error: there is no such key
  session.keep(['nmae'])
}

export function updateGetsAndGivesTheTypeOfTheKey(session: TypedSession): void {
  const visits = session.update('visits', (before) => {
    same<typeof before, number | undefined>()
    return (before ?? 0) + 1
  })
  same<typeof visits, number>()
  session.update('cart', (cart = []) => [...cart, { sku: 'x1' }])
  // @ts-expect-error: visits may be undefined
  session.update('visits', (before) => before + 1)
  // @ts-expect-error: visits is a number
  session.update('visits', () => 'one')
  // @ts-expect-error: the function must be synchronous
  session.update('visits', async () => 1)
  // @ts-expect-error: there is no such key
  session.update('nmae', () => 1)
}

export function aSessionIsAMapOfItsKeys(session: TypedSession): void {
  type Key = 'name' | 'visits' | 'cart' | 'since' | 'theme'
  const keys = [...session.keys()]
  same<typeof keys, Key[]>()
  for (const [key, value] of session) {
    same<typeof key, Key>()
    same<typeof value, Data[Key]>()
  }
  const json = session.toJSON()
  same<typeof json, Partial<Data>>()
  const { name } = session.data
  same<typeof name, string | undefined>()
  session.data.visits = 1
  delete session.data.cart
  // @ts-expect-error: visits is a number
  session.data.visits = 'one'
  // @ts-expect-error: there is no such key
  session.data.nmae = 'Ada'
  // @ts-expect-error: the size is read only
  session.size = 0
}

export async function theRestOfASessionIsTypedToo(session: TypedSession): Promise<void> {
  const { id, principal, permanent, createdAt, isNew } = session
  same<typeof id, string | null>()
  same<typeof principal, string | null>()
  same<typeof permanent, boolean>()
  same<typeof createdAt, number | null>()
  same<typeof isNew, boolean>()
  session.permanent = true
  session.login('ada', { keep: ['cart'] })
  // @ts-expect-error: there is no such key
  session.login('ada', { keep: ['nmae'] })
  // @ts-expect-error: a principal is a text
  session.login(42)
  // @ts-expect-error: a principal is set by login()
  session.principal = 'ada'
  const messages = session.flashes('error')
  same<typeof messages, FlashMessage[]>()
  session.flash('Saved.', 'info')
  const saved = session.save()
  same<typeof saved, Promise<void>>()
  await saved
}

export function requestsOfAllKindsFitTheCsrfCheck(
  session: TypedSession,
  incoming: IncomingMessage,
  http2: Http2ServerRequest,
  express: ExpressRequest,
  web: Request,
): boolean[] {
  const own = { method: 'POST', headers: { 'x-csrf-token': 'abc' } }
  // @ts-expect-error: without headers nothing can be checked
  session.verifyCsrf({ method: 'POST' })
  return [incoming, http2, express, web, own].map((request) => session.verifyCsrf(request, 'abc'))
}

export function withoutATypeAnyKeyIsUnknown(): void {
  const untyped = createSessions({ store }).current()
  same<typeof untyped, Session>()
  same<DefaultSessionData, Record<string, unknown>>()
  for (const session of [untyped, currentSession]) {
    const value = session.get('anything')
    same<typeof value, unknown>()
    session.set('anything', { at: [1] })
    session.data['anything'] = 1
  }
}

export function aTypedSessionFitsWhereAnySessionIsTaken(session: TypedSession): void {
  const greet = (_: Pick<Session, 'flash' | 'principal'>) => {}
  greet(session)
  const logOut = <T extends object>(any: Session<T>) => any.destroy()
  logOut(session)
  const own: SessionInterface<Data> = sessions
  void own
}

export function aSchemaGivesTheType(): void {
  const schema = z.object({ name: z.string(), visits: z.number().default(0) })
  const inferred = createSessions({ store, schema }).current()
  same<typeof inferred, Session<{ name: string; visits: number }>>()
  createSessions<{ name: string; visits: number }>({ store, schema })
  // @ts-expect-error: the schema is of another type
  createSessions<Data>({ store, schema })
}

export function durationsHaveAUnit(): void {
  const take = (_: Omit<SessionsOptions<Data>, 'store'>) => {}
  take({ idleTimeout: '30m', absoluteTimeout: { days: 7, hours: 12 }, storeTimeout: '1.5s' })
  take({ sweepInterval: false, idleTimeout: ({ principal }) => (principal ? '8h' : '10m') })
  // @ts-expect-error: a bare number has no unit
  take({ idleTimeout: 600 })
  // @ts-expect-error: nor has this text
  take({ permanentTimeout: '600' })
  // @ts-expect-error: there is no such unit
  take({ absoluteTimeout: '1y' })
  // @ts-expect-error: nor this one
  take({ storeTimeout: { minute: 1 } })
  // @ts-expect-error: a function gives a duration, too
  take({ idleTimeout: () => 600 })
  // @ts-expect-error: only sweeping can be switched off
  take({ rotateAfter: false })
}

export function optionsThatCannotBeAreNoOptions(): void {
  // @ts-expect-error: a store is needed
  createSessions({})
  // @ts-expect-error: there is no such option
  createSessions({ store, secret: 'keyboard cat' })
  // @ts-expect-error: there is no such place
  createSessions({ store, cookie: { site: 'lax' } })
  // @ts-expect-error: the timeouts choose it
  createSessions({ store, cookie: { maxAge: 3600 } })
  // @ts-expect-error: there is no such choice
  createSessions({ store, maxPerPrincipal: { max: 1, onExceed: 'evict' } })
  createSessions({ store, maxPerPrincipal: 5, pepper: ['new', new Uint8Array(32)] })
}

export function anEventIsToldApartByItsType(event: SessionEvent): string | null {
  switch (event.type) {
    case 'store-error': {
      const { code } = event.error
      same<typeof code, SessionErrorCode>()
      return code
    }
    case 'late-change':
      return event.keys.join()
    default:
      return 'id' in event ? event.id : null
  }
}

export async function sessionsEndWithTheirBlock(): Promise<void> {
  await using scoped = createSessions<Data>({ store })
  const [info] = await scoped.list('ada', { limit: 1 })
  same<typeof info, undefined | import('../../src/index.ts').SessionInfo>()
  await scoped.revoke('an-id', { principal: 'ada' })
  await scoped.revoke('an-id', { anyPrincipal: true })
  // @ts-expect-error: whose session it must be has to be said
  await scoped.revoke('an-id')
  // @ts-expect-error: only true says that any will do
  await scoped.revoke('an-id', { anyPrincipal: false })
}
