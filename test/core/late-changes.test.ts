import assert from 'node:assert/strict'
import { suite } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { HeadersSentError } from '../../src/core/errors.ts'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

/** A request whose headers have left while its handler goes on, as when it streams. */
async function streaming(app: TestApp) {
  const browser = app.browser()
  await browser.visit((session) => {
    session.set('count', 1)
    session.set('cart', ['pear'])
  })
  const request = await browser.request()
  const cart = request.session.get('cart')
  await request.end()
  return { browser, cart, ...request }
}

suite('a change after the headers have left', () => {
  testOnBoth('is stored by an explicit save, without any event', async (app) => {
    const { browser, session } = await streaming(app)
    session.set('count', 2)
    session.update('count', (count = 0) => count + 1)
    await session.save()
    await turn()
    assert.equal((await app.data(browser.id))?.count, 3)
    assert.equal(app.eventsOf('late-change').length, 0)
  })

  testOnBoth('is not stored else, and one event names the keys', async (app) => {
    const { browser, session, cart } = await streaming(app)
    session.set('count', 2)
    session.set('name', 'Ada Lovelace')
    session.set('count', 3)
    cart?.push('quince')
    session.flash('Welcome back')
    await turn()
    assert.deepEqual(await app.data(browser.id), { count: 1, cart: ['pear'] })
    const keys = ['count', 'name', 'flash-add', 'cart']
    assert.deepEqual(app.eventsOf('late-change'), [{ type: 'late-change', id: browser.id, keys }])
  })

  testOnBoth('of something that cannot be stored harms nobody', async (app) => {
    const { session, cart } = await streaming(app)
    ;(cart as unknown[]).push(() => 'a function')
    session.set('count', 2)
    await turn()
    assert.equal(app.eventsOf('late-change').length, 1)
  })

  testOnBoth('while a save is under way is told of when it is not saved', async (app) => {
    const { browser, session } = await streaming(app)
    session.set('count', 2)
    const held = app.store.hold('save')
    const saved = session.save()
    await held.arrived
    session.set('name', 'Ada Lovelace')
    await turn()
    held.release()
    await saved
    await turn()
    await turn()
    assert.deepEqual(await app.data(browser.id), { count: 2, cart: ['pear'] })
    assert.deepEqual(app.eventsOf('late-change').at(-1)?.keys, ['name'])
  })

  testOnBoth('is found out at the first access, too', async (app) => {
    const { browser } = await streaming(app)
    const { session } = await browser.request({ headersSent: true })
    session.set('count', 2)
    await turn()
    assert.deepEqual(app.eventsOf('late-change').at(-1)?.keys, ['count'])
  })

  testOnBoth('does not matter after destroy()', async (app) => {
    const { session } = await streaming(app)
    session.set('count', 2)
    session.destroy()
    await turn()
    assert.equal(app.eventsOf('late-change').length, 0)
  })
})

suite('what needs a cookie throws once the headers have left:', () => {
  testOnBoth('login and rotate()', async (app) => {
    const { browser, session } = await streaming(app)
    assert.throws(() => session.login('ada'), HeadersSentError)
    assert.throws(() => session.rotate(), HeadersSentError)
    assert.equal(session.principal, null)
    assert.equal(session.modified, false)
    await session.save()
    assert.deepEqual(await browser.read((fresh) => fresh.get('count')), 1)
  })

  testOnBoth('the first write of a new session', async (app) => {
    const request = await app.browser().request()
    await request.end()
    const { session } = request
    assert.throws(() => session.set('count', 1), HeadersSentError)
    assert.throws(() => session.update('count', () => 1), HeadersSentError)
    assert.throws(() => session.flash('Welcome back'), HeadersSentError)
    assert.throws(() => session.csrfToken(), HeadersSentError)
    assert.throws(() => session.login('ada'), HeadersSentError)
    await session.save()
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('the first write after destroy()', async (app) => {
    const { session } = await streaming(app)
    session.destroy()
    assert.throws(() => session.set('count', 1), HeadersSentError)
  })

  testOnBoth('reading goes on', async (app) => {
    const { session } = await streaming(app)
    assert.equal(session.get('count'), 1)
    assert.equal(session.csrfToken().length, 86)
    assert.deepEqual(session.flashes(), [])
  })
})
