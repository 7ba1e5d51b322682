import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

suite('rotate()', () => {
  testOnBoth('changes the secret and nothing else', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.login('ada')
      session.set('count', 1)
    })
    const [cookie, before] = [browser.cookie, await app.record(browser.id)]
    assert.ok(before)
    const answer = await browser.visit((session) => session.rotate())
    assert.ok(answer.cookie)
    assert.notEqual(answer.cookie, cookie)
    const after = await app.record(browser.id)
    assert.ok(after)
    assert.notEqual(after.secretHash, before.secretHash)
    assert.equal(after.previousSecretHash, before.secretHash)
    const same = ({ id, principal, data, absoluteExpiresAt, expiresAt }: typeof before) => ({
      ...{ id, principal, data, absoluteExpiresAt, expiresAt },
    })
    assert.deepEqual(same(after), same(before))
    assert.deepEqual(app.eventsOf('rotated'), [{ type: 'rotated', id: browser.id, timed: false }])
  })

  testOnBoth('does nothing to a visitor without a session', async (app) => {
    const browser = app.browser()
    const answer = await browser.visit((session) => {
      session.rotate()
      assert.equal(session.modified, false)
    })
    assert.equal(answer.cookie, null)
    assert.equal(app.store.calls.length, 0)
  })

  testOnBoth('does nothing to a session that this very request begins', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('count', 1)
      session.rotate()
    })
    assert.equal(app.store.count('create'), 1)
    assert.equal(app.store.count('save'), 0)
  })

  testOnBoth('goes out with the data that is changed with it, in one save', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => {
      session.rotate()
      session.set('count', 2)
      session.rotate()
    })
    assert.equal(app.store.count('save'), 1)
    assert.equal(await browser.read((session) => session.get('count')), 2)
  })

  testOnBoth('is repeated on fresh data when others changed the session', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { cookie } = browser
      const { session, end } = await browser.request()
      await browser.visit((concurrent) => concurrent.set('color', 'purple'), { app: other })
      session.rotate()
      await end()
      assert.notEqual(browser.cookie, cookie)
      assert.deepEqual(await app.data(browser.id), { count: 1, color: 'purple' })
      assert.equal(await browser.read((fresh) => fresh.get('count')), 1)
    }
  })

  testOnBoth('is not done over another one: of two, one sends a cookie', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const [first, second] = [await browser.request(), await browser.request({ app: other })]
      for (const { session } of [first, second]) session.rotate()
      const answers = [await first.end(), await second.end()]
      assert.equal(answers[1]?.cookie, null)
      assert.equal(await browser.read((session) => session.get('count')), 1)
    }
  })

  testOnBoth('that fails is done by the next commit', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { cookie } = browser
    const { session, end } = await browser.request()
    session.rotate()
    app.store.failBefore('save')
    await app.rejects(session.save(), StoreUnavailableError)
    assert.equal(session.modified, true)
    await end()
    assert.notEqual(browser.cookie, cookie)
    assert.equal(await browser.read((fresh) => fresh.get('count')), 1)
  })

  testOnBoth('of a response with an error status is not done', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const answer = await browser.visit((session) => session.rotate(), { status: 503 })
    assert.equal(answer.cookie, null)
    assert.equal(await browser.read((session) => session.get('count')), 1)
  })

  testOnBoth('keeps a session that holds nothing but a CSRF seed', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.csrfToken())
    const { id } = browser
    const answer = await browser.visit((session) => session.rotate())
    assert.ok(answer.cookie)
    assert.ok(await app.record(id))
  })
})

suite('a secret', () => {
  test('that was replaced stays dead through all later rotations', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const dead: (string | null)[] = []
    for (let times = 0; times < 5; times++) {
      dead.push(browser.cookie)
      await browser.visit((session) => session.rotate())
      app.clock.advance('1s')
    }
    for (const cookie of dead) {
      const straggler = app.browser()
      straggler.cookie = cookie
      assert.equal(await straggler.read(({ isNew }) => isNew), true)
    }
  })

  test('is stored nowhere, and no stored text works as a cookie', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    await browser.visit((session) => session.rotate())
    const record = await app.record(browser.id)
    assert.ok(record)
    const secret = browser.cookie?.slice(37) ?? ''
    assert.equal(JSON.stringify(record).includes(secret), false)
    for (const hash of [record.secretHash, record.previousSecretHash ?? '']) {
      const forger = app.browser()
      forger.cookie = `${record.id}.${hash.split(':')[1]}`
      assert.equal(await forger.read(({ isNew }) => isNew), true)
    }
  })
})
