import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionLimitError } from '../../src/core/errors.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

const principalOf = (browser: TestBrowser) => browser.read(({ principal }) => principal)

async function logIn(app: TestApp, principal = 'ada'): Promise<TestBrowser> {
  const browser = app.browser()
  await browser.visit((session) => session.login(principal))
  app.clock.advance('1s')
  return browser
}

suite('one session too many of a principal', () => {
  testOnBoth(
    'ends the one that was least recently seen',
    async (app) => {
      const [first, second] = [await logIn(app), await logIn(app)]
      app.clock.advance('2m')
      await first.visit()
      const third = await logIn(app)
      assert.deepEqual(
        [await principalOf(first), await principalOf(second), await principalOf(third)],
        ['ada', null, 'ada'],
      )
      assert.equal((await app.sessions.list('ada')).length, 2)
    },
    { maxPerPrincipal: 2 },
  )

  testOnBoth(
    'is refused where the option says so, and leaves the others alone',
    async (app) => {
      const first = await logIn(app)
      const browser = app.browser()
      await app.rejects(
        browser.visit((session) => session.login('ada')),
        SessionLimitError,
      )
      assert.equal(browser.cookie, null)
      assert.equal(await principalOf(first), 'ada')
      await first.visit((session) => session.destroy())
      await browser.visit((session) => session.login('ada'))
      assert.equal(await principalOf(browser), 'ada')
    },
    { maxPerPrincipal: { max: 1, onExceed: 'reject' } },
  )

  testOnBoth(
    'counts when a session that exists logs in',
    async (app) => {
      const first = await logIn(app)
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      await browser.visit((session) => session.login('ada'))
      assert.equal(await principalOf(first), null)
      assert.equal(await principalOf(browser), 'ada')
    },
    { maxPerPrincipal: 1 },
  )

  testOnBoth(
    'is not the one that logs in again',
    async (app) => {
      const browser = await logIn(app)
      await browser.visit((session) => session.login('ada'))
      await browser.visit((session) => session.set('count', 1))
      assert.equal(await principalOf(browser), 'ada')
    },
    { maxPerPrincipal: { max: 1, onExceed: 'reject' } },
  )

  testOnBoth(
    'counts for each principal by itself, and for nobody who is anonymous',
    async (app) => {
      const [ada, grace] = [await logIn(app), await logIn(app, 'grace')]
      for (let times = 0; times < 3; times++) {
        await app.browser().visit((session) => session.set('count', 1))
      }
      assert.deepEqual([await principalOf(ada), await principalOf(grace)], ['ada', 'grace'])
      assert.equal(await app.sessions.count(), 5)
    },
    { maxPerPrincipal: 1 },
  )

  testOnBoth(
    'does not count sessions that have expired',
    async (app) => {
      await logIn(app)
      app.clock.advance('10m')
      assert.equal(await principalOf(await logIn(app)), 'ada')
    },
    { maxPerPrincipal: { max: 1, onExceed: 'reject' } },
  )

  testOnBoth('is not noticed by saves that do not log in', async (app) => {
    const [first, second] = [await logIn(app), await logIn(app)]
    const strict = app.anotherProcess({ maxPerPrincipal: { max: 1, onExceed: 'reject' } })
    for (const browser of [first, second]) {
      await browser.visit((session) => session.set('count', 1), { app: strict })
      await browser.visit((session) => session.rotate(), { app: strict })
      assert.equal(await principalOf(browser), 'ada')
    }
  })

  testOnBoth(
    'is counted for a login that becomes a session of its own',
    async (app) => {
      await logIn(app)
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { session, end } = await browser.request()
      await browser.visit((concurrent) => concurrent.destroy())
      session.login('ada')
      await app.rejects(end(), SessionLimitError)
      assert.equal((await app.sessions.list('ada')).length, 1)
    },
    { maxPerPrincipal: { max: 1, onExceed: 'reject' } },
  )

  test('is never the outcome of logins at the same time', async (t) => {
    const app = new TestApp(t, { asynchronous: true, maxPerPrincipal: 3 })
    const other = app.anotherProcess()
    const logins = Array.from({ length: 20 }, (_, index) =>
      app.browser().visit((session) => session.login('ada'), { app: index % 2 ? app : other }),
    )
    await Promise.all(logins)
    assert.equal((await app.sessions.list('ada')).length, 3)
  })
})
