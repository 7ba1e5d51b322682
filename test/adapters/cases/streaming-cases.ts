import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { HeadersSentError } from '../../../src/index.ts'
import { deferred, turns } from '../../support/http-exchange.ts'
import type { AdapterCases } from '../adapter-conformance.ts'
import { whoami } from './lifecycle-cases.ts'

/** The handler of the case that is running has been reached. */
let asked = deferred()

export const streamingCases: AdapterCases = {
  'a streamed body begins only when the session is stored': {
    routes: {
      '/stream'({ session }) {
        session.set('name', 'Ada')
        return {
          body: (async function* () {
            for (const part of ['one ', 'two ', 'three']) {
              yield part
              await turns(2)
            }
          })(),
        }
      },
      '/whoami': whoami,
    },
    async run({ url, store, browser }) {
      const gate = store.block('create')
      const request = http.get(`${url}/stream`, { agent: false })
      let hasBegun = false
      request.on('response', () => {
        hasBegun = true
      })
      await gate.reached
      await turns(50)
      assert.equal(hasBegun, false)
      gate.open()
      const [response] = (await once(request, 'response')) as [http.IncomingMessage]
      const visitor = browser()
      visitor.cookie = String(response.headers['set-cookie']).split(';', 1)[0] as string
      // The session can be used while the body is still on its way.
      assert.equal((await visitor.ask('/whoami')).text, 'null Ada undefined')
      const parts: string[] = []
      for await (const chunk of response) parts.push(String(chunk))
      assert.equal(parts.join(''), 'one two three')
    },
  },

  'after the headers a change needs its own save, and a new token is refused': {
    routes: {
      '/begin'({ session }) {
        session.set('visits', 1)
        return { body: 'ok' }
      },
      '/stream'({ session }) {
        session.set('visits', 2)
        return {
          body: (async function* () {
            yield 'begin '
            await turns(10)
            session.set('visits', 3)
            await session.save()
            assert.throws(() => session.login('ada'), HeadersSentError)
            session.set('name', 'forgotten')
            yield 'end'
          })(),
        }
      },
      '/new'({ session }) {
        assert.equal(session.size, 0)
        return {
          body: (async function* () {
            yield 'begin '
            await turns(10)
            assert.throws(() => session.set('visits', 1), HeadersSentError)
            yield 'end'
          })(),
        }
      },
      '/first-access'({ session }) {
        return {
          body: (async function* () {
            yield 'begin '
            await turns(10)
            assert.throws(() => session.login('ada'), HeadersSentError)
            if (!session.isNew) session.set('visits', 99)
            yield 'end'
          })(),
        }
      },
      '/whoami': whoami,
    },
    async run({ events, browser, ask, sessions }) {
      const visitor = browser()
      await visitor.ask('/begin')
      assert.equal((await visitor.ask('/stream')).text, 'begin end')
      assert.equal((await visitor.ask('/whoami')).text, 'null undefined 3')
      await turns(5)
      assert.equal((await ask('/new')).text, 'begin end')
      assert.equal((await visitor.ask('/first-access')).text, 'begin end')
      assert.equal((await ask('/first-access')).text, 'begin end')
      await turns(5)
      assert.equal((await visitor.ask('/whoami')).text, 'null undefined 3')
      assert.equal(await sessions.count(), 1)
      const late = events.filter((event) => event.type === 'late-change')
      assert.deepEqual(
        late.map(({ keys }) => keys),
        [['name'], ['visits']],
      )
    },
  },

  'what an aborted client has caused is stored': {
    routes: {
      '/begin'({ session }) {
        session.set('visits', 1)
        return { body: 'ok' }
      },
      async '/slow'({ session, aborted }) {
        asked.resolve()
        await aborted
        session.set('visits', 2)
        return { body: 'nobody reads this' }
      },
      '/whoami': whoami,
    },
    async run({ url, store, browser }) {
      asked = deferred()
      const visitor = browser()
      await visitor.ask('/begin')
      const gate = store.block('save')
      const request = http.get(`${url}/slow`, {
        agent: false,
        headers: { Cookie: visitor.cookie as string },
      })
      request.on('error', () => {})
      await asked.promise
      request.destroy()
      await gate.reached
      gate.open()
      await turns(10)
      assert.equal((await visitor.ask('/whoami')).text, 'null undefined 2')
    },
  },

  'a client that leaves while the store works changes nothing': {
    routes: {
      '/slow'({ session }) {
        session.login('ada')
        return { headers: [['Content-Type', 'text/plain']], body: 'welcome' }
      },
    },
    async run({ url, store, sessions }) {
      const gate = store.block('create')
      const request = http.get(`${url}/slow`, { agent: false })
      request.on('error', () => {})
      await gate.reached
      request.destroy()
      await turns(20)
      gate.open()
      await turns(10)
      assert.equal((await sessions.list('ada')).length, 1)
    },
  },
}
