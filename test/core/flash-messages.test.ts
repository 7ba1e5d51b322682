import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { SessionDataError, StoreUnavailableError } from '../../src/core/errors.ts'
import { testOnBoth } from '../support/test-app.ts'

const welcome = { category: 'message', message: 'Welcome back' }
const warning = { category: 'warning', message: 'Your trial ends' }

suite('flash messages', () => {
  testOnBoth('are handed out once, by the next request that asks', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('count', 1)
      session.flash('Welcome back')
    })
    await browser.visit((session) => session.set('count', 2))
    await browser.visit((session) => assert.deepEqual(session.flashes(), [welcome]))
    await browser.visit((session) => assert.deepEqual(session.flashes(), []))
    assert.deepEqual((await app.payload(browser.id)).flash, [])
  })

  testOnBoth('can be taken in the request that made them', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.flash('Welcome back')
      assert.deepEqual(session.flashes(), [welcome])
      assert.deepEqual(session.flashes(), [])
    })
    assert.equal(browser.cookie, null)
    assert.equal(app.store.calls.length, 0)
  })

  testOnBoth('are taken by category, and stay in their order', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.flash('Your trial ends', 'warning')
      session.flash('Welcome back')
      session.flash('Your trial ends', 'warning')
    })
    await browser.visit((session) => {
      assert.deepEqual(session.flashes('error'), [])
      assert.deepEqual(session.flashes('warning'), [warning, warning])
    })
    await browser.visit((session) => assert.deepEqual(session.flashes(), [welcome]))
  })

  testOnBoth('that two requests take at once are shown by both, and then gone', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('count', 1)
      session.flash('Welcome back')
    })
    const [first, second] = [await browser.request(), await browser.request()]
    assert.deepEqual(first.session.flashes(), [welcome])
    assert.deepEqual(second.session.flashes(), [welcome])
    await Promise.all([first.end(), second.end()])
    assert.deepEqual(await browser.read((session) => session.flashes()), [])
  })

  testOnBoth('that are added while another request takes some are kept', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.flash('Welcome back'))
      const taking = await browser.request()
      const adding = await browser.request({ app: other })
      assert.deepEqual(taking.session.flashes(), [welcome])
      adding.session.flash('Your trial ends', 'warning')
      await adding.end()
      await taking.end()
      await browser.visit((session) => assert.deepEqual(session.flashes(), [warning]))
    }
  })

  testOnBoth('of two requests at once are both kept', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.flash('Welcome back')
    second.session.flash('Welcome back')
    await Promise.all([first.end(), second.end()])
    await browser.visit((session) => assert.deepEqual(session.flashes(), [welcome, welcome]))
  })

  testOnBoth('stay when the response that took them fails', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.flash('Welcome back'))
    await browser.visit((session) => session.flashes(), { status: 500 })
    const request = await browser.request()
    request.session.flashes()
    app.store.failBefore('save')
    app.store.failBefore('delete')
    await app.rejects(request.end(), StoreUnavailableError)
    await browser.visit((session) => assert.deepEqual(session.flashes(), [welcome]))
  })

  testOnBoth('alone are worth a session, which ends when they are taken', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.flash('Welcome back'))
    const { id } = browser
    assert.ok(id)
    const answer = await browser.visit((session) => session.flashes())
    assert.equal(answer.cookie, '')
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('are not among the keys, and clear leaves them alone', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.flash('Welcome back')
      session.set('count', 1)
    })
    await browser.visit((session) => {
      assert.deepEqual([...session.keys()], ['count'])
      session.clear()
    })
    await browser.visit((session) => assert.deepEqual(session.flashes(), [welcome]))
  })

  testOnBoth('survive a login, but not one of another principal', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.flash('Welcome back'))
    await browser.visit((session) => session.login('ada'))
    assert.equal((await app.payload(browser.id)).flash.length, 1)
    await browser.visit((session) => session.login('grace'))
    assert.equal((await app.payload(browser.id)).flash.length, 0)
  })

  testOnBoth('must be well-formed text', async (app) => {
    const { session } = await app.browser().request()
    assert.throws(() => session.flash('\ud800'), SessionDataError)
    assert.throws(() => session.flash('Welcome back', '\udc00'), SessionDataError)
    assert.throws(() => session.flash(5 as unknown as string), SessionDataError)
    assert.equal(session.modified, false)
  })
})
