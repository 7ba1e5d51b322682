// Compiled, never run: what the adapter for Koa accepts and gives, as an app's author sees it.

import Koa from 'koa'
import { createSessions, type Session, type SessionInterface } from '../../src/index.ts'
import { type SessionContext, sessionMiddleware } from '../../src/koa.ts'
import { memoryStore } from '../../src/memory.ts'

interface Data {
  name: string
  visits: number
}

const sessions = createSessions<Data>({ store: memoryStore() })
declare const ownInterface: SessionInterface<Data>

export const typed = new Koa<Koa.DefaultState, SessionContext<Data>>()
typed.use(sessionMiddleware(sessions))
typed.use(sessionMiddleware(ownInterface))
typed.use(async (ctx, next) => {
  const visits: number = ctx.session.update('visits', (before = 0) => before + 1)
  // @ts-expect-error: there is no such key
  ctx.session.get('nmae')
  ctx.body = { visits }
  await next()
})

export const plain = new Koa()
plain.use(sessionMiddleware(sessions))
plain.use((ctx) => {
  const session: Session<Data> = sessions.of(ctx)
  // @ts-expect-error: visits is a number
  session.set('visits', 'many')
  ctx.body = session.get('name')?.toUpperCase()
})
