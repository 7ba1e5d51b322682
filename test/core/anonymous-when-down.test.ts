import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

const options = { onStoreUnavailable: 'anonymous' } as const

async function duringOutage(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => session.login('ada'))
  const request = await (async () => {
    app.store.failBefore('load')
    return browser.request()
  })()
  return { browser, ...request }
}

suite("with onStoreUnavailable: 'anonymous', while the store is down,", () => {
  testOnBoth(
    'a session can be read, and is anonymous',
    async (app) => {
      const { session, end } = await duringOutage(app)
      assert.equal(session.principal, null)
      assert.equal(session.id, null)
      assert.equal(session.isNew, true)
      assert.equal(session.get('name'), undefined)
      assert.deepEqual(session.toJSON(), {})
      assert.deepEqual(session.flashes(), [])
      assert.equal(session.delete('name'), false)
      assert.equal(session.verifyCsrf({ method: 'POST', headers: {} }, 'x'), false)
      session.clear()
      session.keep([])
      session.rotate()
      assert.equal((await end()).cookie, null)
      assert.equal(app.eventsOf('store-error').length, 1)
    },
    options,
  )

  testOnBoth(
    'every write throws at once',
    async (app) => {
      const { session, end } = await duringOutage(app)
      const writes = [
        () => session.set('count', 1),
        () => session.update('count', () => 1),
        () => session.flash('Welcome back'),
        () => session.csrfToken(),
        () => session.login('ada'),
        () => session.destroy(),
        () => {
          session.permanent = true
        },
        () => {
          session.data.count = 1
        },
      ]
      for (const write of writes) assert.throws(write, StoreUnavailableError)
      assert.equal(session.modified, false)
      assert.equal((await end()).cookie, null)
      assert.equal(app.store.count('create', 'delete'), 1)
    },
    options,
  )

  testOnBoth(
    'the session is untouched, and there again afterwards',
    async (app) => {
      const { browser, end } = await duringOutage(app)
      await end()
      assert.equal(await browser.read(({ principal }) => principal), 'ada')
    },
    options,
  )

  testOnBoth(
    'reload() looks again',
    async (app) => {
      const { session } = await duringOutage(app)
      await session.reload()
      assert.equal(session.principal, 'ada')
      session.set('count', 1)
      await session.save()
    },
    options,
  )

  testOnBoth(
    'a visitor without a cookie needs no store until the commit',
    async (app) => {
      const { session, end } = await app.browser().request()
      session.set('count', 1)
      app.store.failBefore('create')
      await app.rejects(end(), StoreUnavailableError)
    },
    options,
  )
})
