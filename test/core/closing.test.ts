import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import { createSessions } from '../../src/core/session-manager.ts'
import { memoryStore } from '../../src/memory.ts'
import { asynchronousStore } from '../support/scripted-store.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

suite('close()', () => {
  testOnBoth('answers all commits that are in flight before it closes the store', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const requests = await Promise.all(Array.from({ length: 20 }, () => browser.request()))
    const held = app.store.hold('save')
    const ends = requests.map((request) => {
      request.session.update('count', (count = 0) => count + 1)
      return request.end()
    })
    await held.arrived
    let saved = -1
    app.store.meanwhile('close', async () => {
      saved = (await app.data(browser.id))?.count ?? -1
    })
    const closed = app.sessions.close()
    held.release()
    await Promise.all([...ends, closed])
    assert.equal(saved, 20)
    assert.equal(app.store.calls.at(-1)?.verb, 'close')
  })

  testOnBoth('waits for logins, logouts and touches as well', async (app) => {
    const browsers = [app.browser(), app.browser(), app.browser()] as const
    for (const browser of browsers) await browser.visit((session) => session.set('count', 1))
    app.clock.advance('5m')
    const holds = (['create', 'delete', 'touch'] as const).map((verb) => app.store.hold(verb))
    const visits = [
      app.browser().visit((session) => session.login('ada')),
      browsers[0].visit((session) => session.destroy()),
      browsers[1].visit(),
    ]
    await Promise.all(holds.map(({ arrived }) => arrived))
    const closed = app.sessions.close()
    for (const held of holds) held.release()
    await Promise.all(visits)
    await closed
    assert.equal(app.store.calls.at(-1)?.verb, 'close')
  })

  testOnBoth('waits for a commit that begins while it waits for another one', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.set('count', 2)
    second.session.set('name', 'Ada Lovelace')
    const held = app.store.hold('save')
    const firstEnd = first.end()
    await held.arrived
    const closed = app.sessions.close()
    const secondEnd = second.end()
    held.release()
    await Promise.all([firstEnd, secondEnd, closed])
    assert.equal(app.store.calls.at(-1)?.verb, 'close')
  })

  testOnBoth(
    'does not wait forever for a store that hangs',
    async (app) => {
      const browser = app.browser()
      const held = app.store.hold('create')
      const visit = app.rejects(
        browser.visit((session) => session.set('count', 1)),
        StoreUnavailableError,
      )
      await held.arrived
      await app.sessions.close()
      await visit
      held.release()
    },
    { storeTimeout: '50ms' },
  )

  testOnBoth('may be called twice, and at once', async (app) => {
    await Promise.all([app.sessions.close(), app.sessions.close()])
    await app.sessions.close()
    assert.equal(app.store.count('close'), 1)
  })

  testOnBoth('leaves typed errors to whoever comes later', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session } = await browser.request()
    await app.sessions.close()
    session.set('count', 2)
    await app.rejects(session.save(), StoreUnavailableError)
    await app.rejects(browser.visit(), StoreUnavailableError)
    await app.rejects(app.sessions.list('ada'), StoreUnavailableError)
    await app.rejects(app.sessions.sweep(), StoreUnavailableError)
    assert.equal((await app.sessions.health()).ok, false)
  })

  test('is what `await using` does', async (t) => {
    const app = new TestApp(t)
    {
      await using sessions = app.sessions
      assert.equal(await sessions.count(), 0)
    }
    assert.equal(app.store.count('close'), 1)
  })

  test('tells when the store cannot be closed', async () => {
    const store = asynchronousStore(memoryStore())
    store.failBefore('close', new Error('the disk is full'))
    const sessions = createSessions({ store })
    await assert.rejects(sessions.close(), /the disk is full/)
    await assert.rejects(sessions.close(), /the disk is full/)
  })
})
