import assert from 'node:assert/strict'
import { suite } from 'node:test'
import type { TestSession } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

const post = { method: 'POST', headers: {} }
const accepts = (token: string) => (session: TestSession) => session.verifyCsrf(post, token)

suite('the CSRF seed', () => {
  testOnBoth('is stored with a session that has nothing else', async (app) => {
    const browser = app.browser()
    let token = ''
    const answer = await browser.visit((session) => {
      token = session.csrfToken()
      assert.equal(session.csrfToken(), token)
    })
    app.secrets.add(token)
    assert.ok(answer.cookie)
    assert.equal(await browser.read(accepts(token)), true)
    assert.equal(await browser.read(({ size }) => size), 0)
  })

  testOnBoth(
    'is drawn when the session is created, and stays through changes and saves',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { csrfSeed } = await app.payload(browser.id)
      assert.ok(csrfSeed)
      const tokens: string[] = []
      await browser.visit((session) => tokens.push(session.csrfToken()))
      await browser.visit((session) => session.set('count', 2))
      await browser.visit((session) => session.rotate())
      await browser.visit((session) => tokens.push(session.csrfToken()))
      assert.equal((await app.payload(browser.id)).csrfSeed, csrfSeed)
      for (const token of tokens) assert.equal(await browser.read(accepts(token)), true)
      assert.notEqual(tokens[0], tokens[1])
    },
  )

  testOnBoth('is drawn anew at login, so that a token from before is refused', async (app) => {
    const browser = app.browser()
    let [before, after] = ['', '']
    await browser.visit((session) => {
      before = session.csrfToken()
    })
    await browser.visit((session) => {
      session.csrfToken()
      session.login('ada')
      after = session.csrfToken()
      assert.equal(session.verifyCsrf(post, before), false)
      assert.equal(session.verifyCsrf(post, after), true)
    })
    assert.equal(await browser.read(accepts(before)), false)
    assert.equal(await browser.read(accepts(after)), true)
  })

  testOnBoth('of a login in a new session is the one whose token was handed out', async (app) => {
    const browser = app.browser()
    let token = ''
    await browser.visit((session) => {
      session.login('ada')
      token = session.csrfToken()
    })
    assert.equal(await browser.read(accepts(token)), true)
  })

  testOnBoth('of a login that is repeated after a conflict is the one handed out', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const request = await browser.request()
    await browser.visit((session) => session.set('count', 2))
    request.session.login('ada')
    const token = request.session.csrfToken()
    await request.end()
    assert.equal(await browser.read(accepts(token)), true)
    assert.equal((await app.data(browser.id))?.count, 2)
  })

  testOnBoth('is not written by a request that only reads the token', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => session.csrfToken())
    assert.equal(app.store.count('save'), 0)
  })

  testOnBoth('keeps a session that this request empties and gives a token of', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    let token = ''
    const answer = await browser.visit((session) => {
      session.clear()
      token = session.csrfToken()
    })
    assert.equal(answer.cookie, null)
    assert.equal(await browser.read(accepts(token)), true)
  })

  testOnBoth('fits no other session, and none is no way in', async (app) => {
    const [browser, stranger] = [app.browser(), app.browser()]
    let token = ''
    await browser.visit((session) => {
      token = session.csrfToken()
    })
    await stranger.visit((session) => session.set('count', 1))
    assert.equal(await stranger.read(accepts(token)), false)
    assert.equal(await app.browser().read(accepts(token)), false)
    assert.equal(await browser.read(accepts('')), false)
    assert.equal(await browser.read((session) => session.verifyCsrf(post)), false)
  })
})
