// Compiled, never run: what the middleware for Hono accepts and gives, as an app's author sees it.

import { getConnInfo } from '@hono/node-server/conninfo'
import { type Context, Hono } from 'hono'
import { type SessionEnv, sessionMiddleware } from '../../src/hono.ts'
import { createSessions, type Session, type SessionInterface } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'

interface Data {
  name: string
  visits: number
}

const sessions = createSessions<Data>({ store: memoryStore() })
declare const ownInterface: SessionInterface<Data>

export const app = new Hono<SessionEnv<Data>>()
app.use(sessionMiddleware(sessions))
app.use('/path/*', sessionMiddleware(ownInterface))
app.use(
  sessionMiddleware(sessions, { clientAddress: (c: Context) => getConnInfo(c).remote.address }),
)
app.get('/', sessionMiddleware(sessions), (c) => {
  const visits: number = c.var.session.update('visits', (before = 0) => before + 1)
  // @ts-expect-error: there is no such key
  c.var.session.get('nmae')
  // @ts-expect-error: name is a string
  c.get('session').set('name', 1)
  return c.json({ visits, session: c.var.session })
})

type Env = SessionEnv<Data> & { Variables: { locale: string }; Bindings: { SECRET: string } }
export const more = new Hono<Env>()
more.use(sessionMiddleware(sessions))
more.get('/', (c) => c.text(`${c.var.locale} ${c.var.session.get('name')} ${c.env.SECRET}`))

export const plain = new Hono()
plain.use(sessionMiddleware(sessions))
plain.get('/', (c) => {
  const session: Session<Data> = sessions.of(c)
  // @ts-expect-error: this app has not said that there is a session
  c.get('session').get('name')
  return c.text(session.get('name') ?? '')
})
