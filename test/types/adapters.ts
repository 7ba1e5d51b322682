// Compiled, never run: what the adapters accept and give, as an app's author sees it.

import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import express5 from 'express'
import express4 from 'express4'
import { sessionMiddleware } from '../../src/express.ts'
import { withSessions as withWebSessions } from '../../src/fetch.ts'
import { createSessions, type Session, type SessionInterface } from '../../src/index.ts'
import { memoryStore } from '../../src/memory.ts'
import { withSessions } from '../../src/node.ts'

interface Data {
  name: string
  visits: number
}

const sessions = createSessions<Data>({ store: memoryStore() })
declare const ownInterface: SessionInterface<Data>

export const app5 = express5()
app5.use(sessionMiddleware(sessions))
app5.use('/path', sessionMiddleware(ownInterface), express5.Router())
app5.get('/', sessionMiddleware(sessions), (request, response) => {
  request.session.set('anything', 1)
  const typed: Session<Data> = sessions.of(request)
  // @ts-expect-error: there is no such key
  typed.get('nmae')
  response.send(typed.get('name')?.toUpperCase())
})
app5.get('/:id', async ({ params, session }, response) => {
  session.login(params.id)
  response.redirect('/')
})

export const app4 = express4()
app4.use(sessionMiddleware(sessions))
app4.use('/path', sessionMiddleware(ownInterface), express4.Router())
app4.get('/', sessionMiddleware(sessions), (request, response) => {
  request.session.login('ada')
  response.send('ok')
})

export const servers = [
  http.createServer(
    withSessions(sessions, (request, response, session) => {
      const visits: number = session.update('visits', (before = 0) => before + 1)
      // @ts-expect-error: visits is a number
      session.set('visits', 'many')
      response.setHeader('X-Visits', visits).end(request.url)
    }),
  ),
  https.createServer(
    withSessions(ownInterface, async () => {}, {
      onError(error, request, response) {
        response.writeHead(500).end(`${request.url} ${error}`)
      },
    }),
  ),
  http2.createServer(
    withSessions(
      sessions,
      (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse, session) => {
        response.stream.respond({ 'x-name': session.get('name') })
        request.stream.close()
      },
    ),
  ),
]

export const worker = {
  fetch: withWebSessions(sessions, (request, session, env: { name: string }) => {
    session.set('name', env.name)
    // @ts-expect-error: name is a string
    session.set('name', 1)
    return new Response(request.url)
  }),
}

export const rendered: (request: Request) => Promise<Response> = withWebSessions(
  ownInterface,
  async () => new Response(),
  { onError: async (error, request) => new Response(`${request.url} ${error}`) },
)

// @ts-expect-error: env is missing
void worker.fetch(new Request('https://app.example/'))
