import assert from 'node:assert/strict'
import type { AdapterCases, Routes } from '../adapter-conformance.ts'

const POLICIES = {
  none: undefined,
  public: 'public, max-age=60',
  private: 'private, max-age=60',
  'no-store': 'no-store',
} as const

const routes: Record<`/${string}`, Routes['/']> = {}
for (const [name, policy] of Object.entries(POLICIES)) {
  const headers: [string, string][] = policy === undefined ? [] : [['Cache-Control', policy]]
  routes[`/read-${name}`] = ({ session }) => ({ headers, body: `${session.get('name')}` })
  routes[`/write-${name}`] = ({ session }) => {
    session.set('name', 'Ada')
    return { headers, body: 'ok' }
  }
  routes[`/destroy-${name}`] = ({ session }) => {
    session.destroy()
    return { headers, body: 'ok' }
  }
}

export const cacheCases: AdapterCases = {
  'an answer with our cookie is never kept by a shared cache': {
    routes,
    async run({ ask, browser, events }) {
      const policy = async (path: string) => (await ask(path)).headers['cache-control']
      assert.equal(await policy('/read-none'), 'private')
      assert.equal(await policy('/read-public'), 'public, max-age=60')
      assert.equal(await policy('/read-private'), 'private, max-age=60')
      assert.equal(await policy('/read-no-store'), 'no-store')
      assert.equal(await policy('/write-none'), 'private')
      assert.equal(await policy('/write-private'), 'private, max-age=60')
      assert.equal(await policy('/write-no-store'), 'no-store')
      assert.ok(!events.some(({ type }) => type === 'cache-control-replaced'))

      assert.equal(await policy('/write-public'), 'no-store')
      assert.equal(await policy('/write-public'), 'no-store')
      const visitor = browser()
      await visitor.ask('/write-none')
      const { headers } = await visitor.ask('/destroy-public')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(events.filter(({ type }) => type === 'cache-control-replaced').length, 1)
    },
  },

  'Vary names the cookie beside what the app varies by': {
    routes: {
      '/origin': ({ session }) => ({ headers: [['Vary', 'Origin']], body: `${session.size}` }),
      '/cookie': ({ session }) => ({ headers: [['Vary', 'cookie']], body: `${session.size}` }),
      '/all': ({ session }) => ({ headers: [['Vary', '*']], body: `${session.size}` }),
    },
    async run({ ask }) {
      assert.equal((await ask('/origin')).headers.vary, 'Origin, Cookie')
      assert.equal((await ask('/cookie')).headers.vary, 'cookie')
      assert.equal((await ask('/all')).headers.vary, '*')
    },
  },
}
