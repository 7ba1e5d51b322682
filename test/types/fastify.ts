// biome-ignore-all lint/nursery/noMisusedPromises: Biome takes Fastify's overloads for functions of void
// biome-ignore-all lint/nursery/noFloatingPromises: Fastify's promises may be left to it
// biome-ignore-all lint/nursery/useAwaitThenable: Fastify's promises are none to Biome

// Compiled, never run: what the plugin for Fastify accepts and gives, as an app's author sees it.

import fastify from 'fastify'
import { sessionPlugin } from '../../src/fastify.ts'
import { createSessions, type Session, type SessionInterface } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'

interface Data {
  name: string
  visits: number
}

const sessions = createSessions<Data>({ store: memoryStore() })
declare const ownInterface: SessionInterface<Data>

export const app = fastify({ logger: true })
app.register(sessionPlugin, { sessions })
app.register(sessionPlugin, { sessions: ownInterface })
// @ts-expect-error: sessions are missing
app.register(sessionPlugin)
// @ts-expect-error: a store is no sessions
app.register(sessionPlugin, { sessions: memoryStore() })
app.get('/', async (request) => {
  const session: Session<Data> = sessions.of(request)
  // @ts-expect-error: visits is a number
  session.set('visits', 'many')
  // The app's own augmentation, in test/adapters/fastify-app.ts.
  return request.session.get('name')?.toUpperCase()
})

export const secure = fastify({ http2: true, https: {}, http2SessionTimeout: 1 })
secure.register(sessionPlugin, { sessions })
