import assert from 'node:assert/strict'
import { turns } from '../../support/http-exchange.ts'
import type { AdapterCases, Handler, Routes } from '../adapter-conformance.ts'
import { login, whoami } from './lifecycle-cases.ts'

class TestError extends Error {}

const routes: Routes = {
  '/login': login,
  '/whoami': whoami,
  '/throw'({ session }) {
    session.set('name', 'lost')
    throw new TestError('on purpose')
  },
  async '/reject'({ session }) {
    await turns(1)
    session.set('name', 'lost')
    throw new TestError('on purpose')
  },
  '/destroy-and-throw'({ session }) {
    session.destroy()
    throw new TestError('on purpose')
  },
  async '/save-and-throw'({ session }) {
    session.set('name', 'kept')
    await session.save()
    session.set('name', 'lost')
    throw new TestError('on purpose')
  },
  '/answer-500'({ session }) {
    session.set('name', 'lost')
    return { status: 500, body: 'failed' }
  },
}

/** Says things that must not be on the answer to an error. */
const decorated: Handler = ({ session }) => {
  session.set('name', 'Ada')
  return {
    status: 201,
    headers: [
      ['ETag', '"1"'],
      ['Location', '/elsewhere'],
      ['Set-Cookie', 'app=1'],
      ['Content-Type', 'text/x-secret'],
      ['Content-Length', '6'],
    ],
    body: 'secret',
  }
}

export const failureCases: AdapterCases = {
  'a handler that throws has its changes dropped': {
    routes,
    async run({ ask, browser, sessions }) {
      for (const path of ['/throw', '/reject']) {
        const answer = await ask(path)
        assert.equal(answer.status, 500)
        assert.deepEqual(answer.setCookies, [])
      }
      assert.equal(await sessions.count(), 0)
      const visitor = browser()
      await visitor.ask('/login')
      await visitor.ask('/throw')
      await visitor.ask('/reject')
      assert.equal((await visitor.ask('/whoami')).text, 'ada Ada undefined')
    },
  },

  'an answer with status 500 has its changes dropped': {
    routes,
    async run({ browser }) {
      const visitor = browser()
      await visitor.ask('/login')
      const answer = await visitor.ask('/answer-500')
      assert.equal(answer.status, 500)
      assert.equal(answer.text, 'failed')
      assert.equal((await visitor.ask('/whoami')).text, 'ada Ada undefined')
    },
  },

  'a logout is final although the handler throws afterwards': {
    routes,
    async run({ browser, sessions }) {
      const visitor = browser()
      await visitor.ask('/login')
      const answer = await visitor.ask('/destroy-and-throw')
      assert.equal(answer.status, 500)
      assert.match(answer.setCookies.join(), /^__Host-session=; /)
      assert.equal(await sessions.count(), 0)
    },
  },

  'a session that was saved explicitly gets its cookie although the handler throws afterwards': {
    routes,
    async run({ browser }) {
      const visitor = browser()
      const answer = await visitor.ask('/save-and-throw')
      assert.equal(answer.status, 500)
      assert.equal(answer.setCookies.length, 1)
      assert.equal((await visitor.ask('/whoami')).text, 'null kept undefined')
    },
  },

  'a store that fails to load makes it a 503': {
    routes,
    async run({ store, browser }) {
      const visitor = browser()
      await visitor.ask('/login')
      store.fail('load')
      const answer = await visitor.ask('/whoami')
      assert.equal(answer.status, 503)
      assert.deepEqual(answer.setCookies, [])
      assert.ok(!answer.text.includes('Ada'))
      store.heal()
      assert.equal((await visitor.ask('/whoami')).text, 'ada Ada undefined')
    },
  },

  'the cookie of a session that the handler saved itself leaves on the error, too': {
    routes: {
      ...routes,
      '/saved-then-changed': async ({ session }) => {
        session.set('name', 'Ada')
        await session.save()
        session.set('visits', 1)
        return { body: 'never sent' }
      },
    },
    async run({ store, browser }) {
      const visitor = browser()
      store.fail('save')
      const { status, setCookies, text } = await visitor.ask('/saved-then-changed')
      assert.equal(status, 503)
      assert.equal(setCookies.length, 1)
      assert.ok(!text.includes('never sent'))
      store.heal()
      assert.equal((await visitor.ask('/whoami')).text, 'null Ada undefined')
    },
  },

  'a store that fails to save makes it a 503 on which nothing of the answer is left': {
    routes: { ...routes, '/decorated': decorated },
    async run({ store, browser }) {
      const [old, fresh] = [browser(), browser()]
      await old.ask('/login')
      store.fail('create')
      store.fail('save')
      for (const visitor of [fresh, old]) {
        const { status, headers, setCookies, text } = await visitor.ask('/decorated')
        assert.equal(status, 503)
        assert.deepEqual(setCookies, [])
        assert.equal(headers.etag, undefined)
        assert.equal(headers.location, undefined)
        assert.notEqual(headers['content-length'], '6')
        assert.notEqual(headers['content-type'], 'text/x-secret')
        assert.ok(!text.includes('secret'))
      }
      store.heal()
      assert.equal((await fresh.ask('/whoami')).text, 'null undefined undefined')
      assert.equal((await old.ask('/whoami')).text, 'ada Ada undefined')
      assert.equal((await fresh.ask('/decorated')).status, 201)
    },
  },

  'a store that fails to delete never lets a logout succeed': {
    routes: {
      ...routes,
      '/logout'({ session }) {
        session.destroy()
        return { redirect: '/' }
      },
    },
    async run({ store, browser }) {
      const visitor = browser()
      await visitor.ask('/login')
      store.fail('delete')
      const answer = await visitor.ask('/logout')
      assert.equal(answer.status, 503)
      assert.equal(answer.headers.location, undefined)
      assert.deepEqual(answer.setCookies, [])
      assert.equal((await visitor.ask('/whoami')).text, 'ada Ada undefined')
    },
  },

  'a streamed body is discarded when the store fails': {
    routes: {
      '/stream'({ session }) {
        session.set('name', 'Ada')
        return {
          body: (async function* () {
            for (let n = 0; n < 200; n += 1) {
              yield 'secret '.repeat(1_000)
              await turns(1)
            }
          })(),
        }
      },
    },
    async run({ store, ask }) {
      const gate = store.block('create')
      store.fail('create')
      const asked = ask('/stream')
      await gate.reached
      await turns(10)
      gate.open()
      const { status, text } = await asked
      assert.equal(status, 503)
      assert.ok(!text.includes('secret'))
    },
  },
}
