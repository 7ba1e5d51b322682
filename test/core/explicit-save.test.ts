import assert from 'node:assert/strict'
import { suite } from 'node:test'
import {
  SessionDataError,
  SessionGoneError,
  SessionLimitError,
  StoreUnavailableError,
} from '../../src/core/errors.ts'
import { testOnBoth } from '../support/test-app.ts'

suite('save()', () => {
  testOnBoth('stores what has changed, and the response stores the rest', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    session.set('count', 1)
    assert.equal(session.modified, true)
    await session.save()
    assert.equal(session.modified, false)
    assert.equal(session.isNew, false)
    const { id } = session
    assert.deepEqual(await app.data(id), { count: 1 })
    session.set('name', 'Ada Lovelace')
    await end()
    assert.equal(browser.id, id)
    assert.deepEqual(await app.data(id), { count: 1, name: 'Ada Lovelace' })
  })

  testOnBoth('does nothing when nothing has changed', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.save())
    assert.equal(app.store.calls.length, 0)
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => session.save())
    assert.equal(app.store.count('save', 'touch'), 0)
  })

  testOnBoth('keeps what it stored although the response fails', async (app) => {
    const browser = app.browser()
    const answer = await browser.visit(
      async (session) => {
        session.login('ada')
        await session.save()
        session.set('count', 1)
      },
      { status: 500 },
    )
    assert.ok(answer.cookie)
    assert.equal(await browser.read(({ principal }) => principal), 'ada')
    assert.deepEqual(await app.data(browser.id), {})
    assert.deepEqual(app.eventsOf('dropped'), [
      { type: 'dropped', id: browser.id, reason: 'failed-response' },
    ])
  })

  testOnBoth(
    'rejects when the principal has too many sessions',
    async (app) => {
      await app.browser().visit((session) => session.login('ada'))
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      for (const visitor of [browser, app.browser()]) {
        const { session } = await visitor.request()
        session.login('ada')
        await app.rejects(session.save(), SessionLimitError)
        await session.reload()
        assert.equal(session.principal, null)
        assert.equal(session.modified, false)
      }
      assert.equal((await app.record(browser.id))?.principal, null)
    },
    { maxPerPrincipal: { max: 1, onExceed: 'reject' } },
  )

  for (const when of ['Before', 'After'] as const) {
    testOnBoth(`that failed ${when.toLowerCase()} it was stored can be repeated`, async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { session, end } = await browser.request()
      session.set('name', 'Ada Lovelace')
      session.get('count')
      app.store[`fail${when}`]('save')
      await app.rejects(session.save(), StoreUnavailableError)
      assert.equal(session.get('name'), 'Ada Lovelace')
      assert.equal(session.modified, true)
      session.set('color', 'purple')
      await session.save()
      await end()
      const expected = { count: 1, name: 'Ada Lovelace', color: 'purple' }
      assert.deepEqual(await app.data(browser.id), expected)
    })

    testOnBoth(
      `of a new session that failed ${when.toLowerCase()} it was stored can be repeated`,
      async (app) => {
        const browser = app.browser()
        const { session, end } = await browser.request()
        session.set('name', 'Ada Lovelace')
        app.store[`fail${when}`]('create')
        await app.rejects(session.save(), StoreUnavailableError)
        assert.equal(session.isNew, true)
        await end()
        assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace' })
        assert.equal(await browser.read((fresh) => fresh.get('name')), 'Ada Lovelace')
      },
    )
  }

  testOnBoth('that failed keeps changes inside objects, too', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { session, end } = await browser.request()
    const cart = session.get('cart')
    cart?.push('quince')
    app.store.failBefore('save')
    await app.rejects(session.save(), StoreUnavailableError)
    cart?.push('plum')
    await end()
    assert.deepEqual(await app.data(browser.id), { cart: ['pear', 'quince', 'plum'] })
  })

  testOnBoth('that is not awaited is finished before the response', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    session.update('count', (count = 0) => count + 1)
    const saved = session.save()
    session.update('count', (count = 0) => count + 1)
    session.set('name', 'Ada Lovelace')
    await end()
    assert.deepEqual(await app.data(browser.id), { count: 3, name: 'Ada Lovelace' })
    await saved
    assert.equal(app.store.count('save'), 2)
  })

  testOnBoth('that is not awaited and fails is made up for by the response', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    session.update('count', (count = 0) => count + 1)
    app.store.failBefore('save')
    const saved = app.rejects(session.save(), StoreUnavailableError)
    session.update('count', (count = 0) => count + 1)
    await end()
    await saved
    assert.equal((await app.data(browser.id))?.count, 3)
  })

  testOnBoth('may be called many times without waiting', async (app) => {
    const browser = app.browser()
    const { session, end } = await browser.request()
    const saves: Promise<void>[] = []
    for (let times = 0; times < 5; times++) {
      session.update('count', (count = 0) => count + 1)
      saves.push(session.save())
    }
    await end()
    await Promise.all(saves)
    assert.deepEqual(await app.data(browser.id), { count: 5 })
    assert.equal(await app.sessions.count(), 1)
  })

  testOnBoth('goes on with what others stored, and with what was done meanwhile', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    await browser.visit((other) => other.set('count', 10), { app: app.anotherProcess() })
    session.update('count', (count = 0) => count + 1)
    const held = app.store.hold('save')
    const saved = session.save()
    await held.arrived
    session.update('count', (count = 0) => count * 2)
    session.set('name', 'Ada Lovelace')
    held.release()
    await saved
    assert.equal(session.get('count'), 22)
    await end()
    assert.deepEqual(await app.data(browser.id), { count: 22, name: 'Ada Lovelace' })
  })

  testOnBoth('is done once, although an update fails on what others stored', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    await browser.visit((other) => other.set('name', 'Ada Lovelace'), { app: app.anotherProcess() })
    session.update('count', (count = 0) => count + 1)
    const held = app.store.hold('save')
    const saved = session.save()
    await held.arrived
    session.update('total', (total = 0) => {
      if (session.get('name') !== undefined) throw new RangeError('the function of the app failed')
      return total + 1
    })
    held.release()
    await saved.catch(() => {})
    await end().catch(() => {})
    assert.equal((await app.data(browser.id))?.count, 2)
  })

  testOnBoth(
    'refuses data that cannot be stored, names the path and stores nothing',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('cart', ['pear']))
      const { session } = await browser.request()
      const cart = session.get('cart') as unknown[]
      cart.push(() => 'a function')
      const error = await app.rejects(session.save(), SessionDataError)
      assert.equal((error as SessionDataError).path, 'cart[1]')
      cart.pop()
      cart.push('quince')
      await session.save()
      assert.deepEqual(await app.data(browser.id), { cart: ['pear', 'quince'] })
    },
  )
})

suite('reload()', () => {
  testOnBoth('drops what is not stored and reads what others stored', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    await browser.visit((other) => other.set('count', 2))
    session.set('name', 'Ada Lovelace')
    await session.reload()
    assert.deepEqual(session.toJSON(), { count: 2 })
    assert.equal((await end()).cookie, null)
    assert.equal(app.store.count('save'), 1)
  })

  testOnBoth('makes a session that has ended an anonymous one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    const { session } = await browser.request()
    await app.sessions.revokeAll('ada')
    await session.reload()
    assert.equal(session.principal, null)
    assert.equal(session.isNew, true)
  })

  testOnBoth('goes on with the token of its own login', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    session.login('ada')
    await session.save()
    await session.reload()
    assert.equal(session.principal, 'ada')
    session.set('count', 2)
    await end()
    assert.deepEqual(await browser.read(({ data }) => data.count), 2)
  })

  testOnBoth('waits for all saves under way', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session } = await browser.request()
    const saves = [2, 3, 4].map((count) => {
      session.set('count', count)
      return session.save()
    })
    await session.reload()
    assert.equal(session.get('count'), 4)
    await Promise.all(saves)
    assert.equal((await app.data(browser.id))?.count, 4)
  })

  testOnBoth('does not forget a destroy that is not stored yet', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session, end } = await browser.request()
    session.destroy()
    await session.reload()
    assert.equal(session.isNew, true)
    assert.equal((await end()).cookie, '')
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('lets a visitor whose session has ended begin a new one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session } = await browser.request()
    await app.sessions.revoke(browser.id ?? '', { anyPrincipal: true })
    session.set('count', 2)
    await app.rejects(session.save(), SessionGoneError)
    await session.reload()
    session.set('name', 'Ada Lovelace')
    await session.save()
    assert.notEqual(session.id, browser.id)
  })
})
