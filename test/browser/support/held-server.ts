import { createServer, type Server } from 'node:http'
import express from 'express'
import { sessionMiddleware } from '../../../src/express.ts'
import { createSessions } from '../../../src/index.ts'
import { memoryStore } from '../../../src/memory.ts'
import { type Deferred, deferred, listen, type TestServer } from '../../support/http-exchange.ts'

/** What a held request does with its session after it was let go. */
export const deeds = ['read', 'write', 'flash', 'clear', 'rotate', 'persist'] as const
export type Deed = (typeof deeds)[number]

/**
 * A server whose requests wait in the middle until the test lets them go: the request names the
 * gates at which it waits, and the test opens them.
 */
export class HeldServer implements AsyncDisposable {
  readonly sessions = createSessions<{ note: string }>({
    store: memoryStore(),
    cookie: { secure: false },
  })
  readonly #gates = new Map<
    string,
    { readonly reached: Deferred<void>; readonly opened: Deferred<void> }
  >()
  readonly #server: TestServer

  private constructor(server: Server, listening: TestServer) {
    this.#server = listening
    server.on('request', this.#app())
  }

  static async start(): Promise<HeldServer> {
    const server = createServer()
    return new HeldServer(server, await listen(server))
  }

  get url(): string {
    return this.#server.url
  }

  /** Resolves when a request stands at the gate. */
  reached(gate: string): Promise<void> {
    return this.#gate(gate).reached.promise
  }

  /** Lets the request at the gate go on. */
  open(gate: string): void {
    this.#gate(gate).opened.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
    await this.sessions.close()
  }

  #gate(name: string) {
    const existing = this.#gates.get(name)
    if (existing !== undefined) return existing
    const gate = { reached: deferred<void>(), opened: deferred<void>() }
    this.#gates.set(name, gate)
    return gate
  }

  async #wait(name: unknown): Promise<void> {
    if (typeof name !== 'string') return
    const gate = this.#gate(name)
    gate.reached.resolve()
    await gate.opened.promise
  }

  #app() {
    const { sessions } = this
    const app = express()
    app.get('/page', (_req, res) => {
      res.type('html').send('<!doctype html><title>held</title>')
    })
    app.use(sessionMiddleware(sessions))

    app.get('/me', (req, res) => {
      res.send(sessions.of(req).principal ?? '')
    })
    app.post('/guest', (req, res) => {
      sessions.of(req).set('note', 'of a guest')
      res.sendStatus(204)
    })
    app.post('/login', async (req, res) => {
      const session = sessions.of(req)
      session.get('note')
      await this.#wait(req.query['before'])
      session.login('ada')
      await session.save()
      await this.#wait(req.query['after'])
      res.sendStatus(204)
    })
    app.post('/logout', (req, res) => {
      sessions.of(req).destroy()
      res.sendStatus(204)
    })
    app.post('/rotate', (req, res) => {
      sessions.of(req).rotate()
      res.sendStatus(204)
    })
    app.post('/held/:deed', async (req, res) => {
      const session = sessions.of(req)
      if (req.query['use'] === 'early') session.get('note')
      await this.#wait(req.query['gate'])
      const deed = req.params.deed as Deed
      if (deed === 'write') session.set('note', 'late')
      if (deed === 'flash') session.flash('late')
      if (deed === 'clear') session.clear()
      if (deed === 'rotate') session.rotate()
      if (deed === 'persist') session.permanent = true
      res.sendStatus(204)
    })
    return app
  }
}
