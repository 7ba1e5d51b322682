import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { testOnBoth } from '../support/test-app.ts'

suite('a session that holds nothing any more', () => {
  testOnBoth('is deleted, and its cookie expires', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { id } = browser
    const answer = await browser.visit((session) => session.delete('count'))
    assert.equal(answer.cookie, '')
    assert.equal(await app.record(id), undefined)
    assert.equal(app.store.count('save'), 0)
    assert.deepEqual(app.eventsOf('destroyed'), [{ type: 'destroyed', id }])
  })

  testOnBoth('stays if it has a principal or a flash message', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('count', 1)
      session.flash('Welcome back')
    })
    assert.equal((await browser.visit((session) => session.clear())).cookie, null)
    await browser.visit((session) => session.login('ada'))
    assert.equal((await browser.visit((session) => session.flashes())).cookie, null)
    assert.equal(await browser.read(({ principal, size }) => `${principal} ${size}`), 'ada 0')
  })

  testOnBoth('stays if another request set something meanwhile', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { session, end } = await browser.request()
      await browser.visit((concurrent) => concurrent.set('name', 'Ada Lovelace'), { app: other })
      session.delete('count')
      assert.equal((await end()).cookie, null)
      assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace' })
    }
  })

  testOnBoth('is deleted although another request changed it meanwhile', async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { id } = browser
      const { session, end } = await browser.request()
      await browser.visit((concurrent) => concurrent.set('name', 'Ada Lovelace'), { app: other })
      session.clear()
      assert.equal((await end()).cookie, '')
      assert.equal(await app.record(id), undefined)
    }
  })

  testOnBoth('is not deleted when what emptied it was undone', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => {
      session.clear()
      session.set('count', 1)
    })
    assert.ok(browser.cookie)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
  })

  testOnBoth('is deleted by its own save, and what is set then begins a new one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { id } = browser
    await browser.visit(async (session) => {
      session.clear()
      await session.save()
      assert.equal(session.isNew, true)
      session.set('name', 'Ada Lovelace')
    })
    assert.notEqual(browser.id, id)
    assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace' })
    assert.equal(await app.sessions.count(), 1)
  })

  testOnBoth('and was begun by this very request expires no cookie', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    session.set('count', 1)
    await session.save()
    await browser.visit((concurrent) => concurrent.login('ada'))
    session.clear()
    assert.equal((await end()).cookie, null)
    assert.equal(await app.sessions.count(), 1)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
  })

  testOnBoth('drops what others set later', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const late = await browser.request()
    await browser.visit((session) => session.clear())
    late.session.set('name', 'Ada Lovelace')
    assert.equal((await late.end()).cookie, null)
    assert.equal(await app.sessions.count(), 0)
  })
})

suite('a new session', () => {
  testOnBoth('that holds nothing is not created', async (app) => {
    const browser = app.browser()
    const answer = await browser.visit((session) => {
      session.permanent = true
      session.set('count', 1)
      session.delete('count')
      session.clear()
      session.keep([])
      session.rotate()
      assert.deepEqual(session.flashes(), [])
      assert.equal(session.get('count'), undefined)
    })
    assert.equal(answer.cookie, null)
    assert.equal(app.store.calls.length, 0)
  })

  testOnBoth('is not created by a request that only reads', async (app) => {
    const answer = await app.browser().visit((session) => session.toJSON())
    assert.deepEqual(answer.headers, [
      ['Vary', 'Cookie'],
      ['Cache-Control', 'private'],
    ])
    assert.equal(app.store.calls.length, 0)
  })

  testOnBoth('leaves an unused request without any header', async (app) => {
    const request = await app.browser().request({ unused: true })
    assert.deepEqual((await request.end()).headers, [])
    assert.equal(request.session.accessed, false)
  })

  testOnBoth('is not created by a response with an error status', async (app) => {
    const browser = app.browser()
    const answer = await browser.visit((session) => session.set('count', 1), { status: 500 })
    assert.equal(answer.cookie, null)
    assert.equal(app.store.count('create'), 0)
    const reason = 'failed-response'
    assert.deepEqual(app.eventsOf('dropped'), [{ type: 'dropped', id: null, reason }])
  })

  testOnBoth('with data that cannot be stored does not spoil an error page', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { session, end } = await browser.request()
    const cart = session.get('cart') as unknown[]
    cart.push(() => 'a function')
    assert.equal((await end(500)).cookie, null)
    assert.deepEqual(session.get('cart'), ['pear'])
    assert.equal(app.eventsOf('dropped').length, 1)
  })

  testOnBoth('gets another id when its own is taken', async (app) => {
    const browser = app.browser()
    app.store.answer('create', 'taken')
    await browser.visit((session) => session.set('count', 1))
    const [first, second] = app.store.calls.map(({ given }) => given[0] as { id: string })
    assert.notEqual(first?.id, second?.id)
    assert.equal(browser.id, second?.id)
  })
})
