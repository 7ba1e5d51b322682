import assert from 'node:assert/strict'
import http from 'node:http'
import { session as currentSession } from '../../../src/index.ts'
import { ask, turns } from '../../support/http-exchange.ts'
import type { AdapterCases, Handler, Routes } from '../adapter-conformance.ts'

/** Routes that many cases use. */
export const login: Handler = ({ session }) => {
  session.login('ada')
  session.set('name', 'Ada')
  return { body: 'welcome' }
}
export const whoami: Handler = ({ session }) => ({
  body: `${session.principal} ${session.get('name')} ${session.get('visits')}`,
})
const visit: Handler = ({ session }) => ({
  body: String(session.update('visits', (visits = 0) => visits + 1)),
})
const logout: Handler = ({ session }) => {
  session.destroy()
  return { body: 'bye' }
}
const usual: Routes = { '/login': login, '/whoami': whoami, '/visit': visit, '/logout': logout }

export const lifecycleCases: AdapterCases = {
  'a request that does not use its session costs nothing': {
    routes: { ...usual, '/untouched': () => ({ body: 'ok' }) },
    async run({ adapter, store, ask, browser }) {
      const visitor = browser()
      const answers = [await ask('/untouched')]
      assert.deepEqual(store.calls, [])

      await visitor.ask('/login')
      store.calls.length = 0
      answers.push(await visitor.ask('/untouched'))
      const mustLoad = !store.loadsSynchronously || adapter.loadsBeforeHandler === true
      assert.deepEqual(store.calls, mustLoad ? ['load'] : [])

      for (const { text, headers, setCookies } of answers) {
        assert.equal(text, 'ok')
        assert.deepEqual(setCookies, [])
        assert.equal(headers.vary, undefined)
        assert.equal(headers['cache-control'], undefined)
      }
    },
  },

  'the first write makes a session and its cookie': {
    routes: usual,
    async run({ store, sessions, browser }) {
      const visitor = browser()
      const { setCookies, headers, text } = await visitor.ask('/visit')
      assert.equal(text, '1')
      assert.equal(setCookies.length, 1)
      assert.match(
        setCookies[0] ?? '',
        /^__Host-session=[0-9a-f-]{36}\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      )
      assert.equal(headers.vary, 'Cookie')
      assert.deepEqual(store.calls, ['create'])
      assert.equal(await sessions.count(), 1)

      const second = await visitor.ask('/visit')
      assert.equal(second.text, '2')
      assert.deepEqual(second.setCookies, [])
    },
  },

  'a request that only reads varies by cookie, and sets none': {
    routes: usual,
    async run({ store, sessions, ask, browser }) {
      const visitor = browser()
      await visitor.ask('/login')
      store.calls.length = 0
      const answers = [await visitor.ask('/whoami'), await ask('/whoami')]
      assert.deepEqual(
        answers.map(({ text }) => text),
        ['ada Ada undefined', 'null undefined undefined'],
      )
      for (const { headers, setCookies } of answers) {
        assert.deepEqual(setCookies, [])
        assert.equal(headers.vary, 'Cookie')
        assert.equal(headers['cache-control'], 'private')
      }
      assert.deepEqual(store.calls, ['load'])
      assert.equal(await sessions.count(), 1)
    },
  },

  'the redirect after a login waits until the session is stored': {
    routes: {
      ...usual,
      '/sign-in'({ session }) {
        session.login('ada')
        return { redirect: '/whoami' }
      },
    },
    async run({ url, store, browser }) {
      const visitor = browser()
      const gate = store.block('create')
      let isAnswered = false
      const asked = visitor.ask('/sign-in').finally(() => {
        isAnswered = true
      })
      await gate.reached
      await turns(50)
      assert.equal(isAnswered, false)
      gate.open()
      const answer = await asked
      assert.equal(answer.status, 302)
      assert.equal(new URL(answer.headers.location ?? '', url).pathname, '/whoami')
      assert.equal((await visitor.ask('/whoami')).text, 'ada undefined undefined')
    },
  },

  'a logout deletes the row and expires the cookie': {
    routes: usual,
    async run({ sessions, browser }) {
      const visitor = browser()
      await visitor.ask('/login')
      const { cookie } = visitor
      const { setCookies } = await visitor.ask('/logout')
      assert.match(setCookies.join(), /^__Host-session=; .*Max-Age=0/)
      assert.equal(await sessions.count(), 0)

      visitor.cookie = cookie
      const replayed = await visitor.ask('/whoami')
      assert.equal(replayed.text, 'null undefined undefined')
      assert.deepEqual(replayed.setCookies, [])
    },
  },

  'a session is found among other cookies, and after a dead one of its name': {
    routes: usual,
    async run({ events, ask, browser }) {
      const [dead, visitor] = [browser(), browser()]
      await dead.ask('/visit')
      await dead.ask('/visit')
      await visitor.ask('/login')
      const cookie = `theme=dark; a="b=c"; ${visitor.cookie}; __Host-session2=x; =; last`
      assert.equal(
        (await ask('/whoami', { headers: { Cookie: cookie } })).text,
        'ada Ada undefined',
      )

      const deadCookie = dead.cookie
      await dead.ask('/logout')
      const both = `${deadCookie}; ${visitor.cookie}`
      assert.equal((await ask('/whoami', { headers: { Cookie: both } })).text, 'ada Ada undefined')
      assert.ok(events.some(({ type }) => type === 'duplicate-cookies'))
    },
  },

  'other cookies of the app stay': {
    routes: {
      '/'({ session }) {
        session.set('name', 'Ada')
        return {
          headers: [
            ['Set-Cookie', 'a=1; Path=/'],
            ['Set-Cookie', 'b=2; Path=/'],
          ],
          body: 'ok',
        }
      },
    },
    async run({ ask }) {
      const { setCookies } = await ask('/')
      assert.deepEqual(setCookies.slice(0, 2), ['a=1; Path=/', 'b=2; Path=/'])
      assert.match(setCookies[2] ?? '', /^__Host-session=/)
      assert.equal(setCookies.length, 3)
    },
  },

  'responses without a body carry the cookie': {
    routes: {
      '/204'({ session }) {
        session.set('visits', 1)
        return { status: 204 }
      },
      '/304'({ session }) {
        session.set('visits', 1)
        return { status: 304, headers: [['ETag', '"1"']] }
      },
      '/head'({ session }) {
        session.set('visits', 1)
        return { headers: [['Content-Type', 'text/plain']], body: 'hello' }
      },
    },
    async run({ ask, sessions }) {
      for (const [path, method, status] of [
        ['/204', 'GET', 204],
        ['/304', 'GET', 304],
        ['/head', 'HEAD', 200],
      ] as const) {
        const answer = await ask(path, { method })
        assert.equal(answer.status, status)
        assert.equal(answer.text, '')
        assert.equal(answer.setCookies.length, 1, path)
      }
      assert.equal(await sessions.count(), 3)
    },
  },

  'concurrent requests on kept connections keep their own session': {
    routes: {
      async '/greet'({ session, path }) {
        const name = path.slice('/greet?'.length)
        await turns(name.length % 5)
        currentSession.set('name', name)
        await turns((name.length * 7) % 4)
        assert.equal(session.get('name'), name)
        return { body: `${currentSession.get('name')}` }
      },
      async '/greeted'() {
        await turns(2)
        return { body: `${currentSession.get('name')}` }
      },
    },
    async run({ url }) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
      const names = Array.from({ length: 40 }, (_, n) => `${'x'.repeat(n % 9)}${n}`)
      const answers = await Promise.all(names.map((name) => ask(`${url}/greet?${name}`, { agent })))
      assert.deepEqual(
        answers.map(({ text }) => text),
        names,
      )
      const cookies = answers.map(({ setCookies }) => (setCookies[0] as string).split(';', 1)[0])
      const again = await Promise.all(
        cookies.map((Cookie) => ask(`${url}/greeted`, { agent, headers: { Cookie } })),
      )
      assert.deepEqual(
        again.map(({ text }) => text),
        names,
      )
      agent.destroy()
    },
  },

  'a list of devices knows the user agent': {
    routes: usual,
    async run({ sessions, browser }) {
      await browser().ask('/login', { headers: { 'User-Agent': 'Tests/1.0' } })
      const [device] = await sessions.list('ada')
      assert.equal(device?.userAgent, 'Tests/1.0')
    },
  },

  'a Secure cookie over plain HTTP is sent, with one warning': {
    routes: usual,
    async run({ events, ask }) {
      const warnings = () => events.filter(({ type }) => type === 'insecure-transport').length
      for (const headers of [
        { 'X-Forwarded-Proto': 'https' },
        { 'X-Forwarded-Proto': 'HTTPS, http' },
        { Forwarded: 'for=192.0.2.60;proto=https;by=203.0.113.43' },
        { Forwarded: 'For="[2001:db8::1]"; Proto="https"' },
      ]) {
        assert.equal((await ask('/visit', { headers })).setCookies.length, 1)
      }
      assert.equal(warnings(), 0)
      for (const headers of [{}, { 'X-Forwarded-Proto': 'http' }]) {
        assert.equal((await ask('/visit', { headers })).setCookies.length, 1)
      }
      assert.equal(warnings(), 1)
    },
  },
}
