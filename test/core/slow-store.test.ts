import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionConflictError, StoreUnavailableError } from '../../src/core/errors.ts'
import type { TestAppOptions } from '../support/test-app.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

// The only tests with real time in them: storeTimeout is on the machine's clock.
const options: TestAppOptions = { storeTimeout: '60ms' }
const soon = 1000

async function timed<T>(promise: Promise<T>): Promise<number> {
  const startedAt = performance.now()
  await promise
  return performance.now() - startedAt
}

suite('a store that does not answer', () => {
  test('to a load fails the request in time', async (t) => {
    const app = new TestApp(t, { ...options, asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const held = app.store.hold('load')
    assert.ok((await timed(app.rejects(browser.visit(), StoreUnavailableError))) < soon)
    held.release()
    assert.equal(await browser.read((session) => session.get('count')), 1)
  })

  for (const verb of ['create', 'save', 'delete'] as const) {
    testOnBoth(
      `to a ${verb} fails the response in time`,
      async (app) => {
        const browser = app.browser()
        if (verb !== 'create') await browser.visit((session) => session.set('count', 1))
        const held = app.store.hold(verb)
        const visit = browser.visit((session) => {
          if (verb === 'delete') session.destroy()
          else session.set('count', 2)
        })
        assert.ok((await timed(app.rejects(visit, StoreUnavailableError))) < soon)
        held.release()
        await browser.visit((session) => session.set('name', 'Ada Lovelace'))
        assert.equal(await browser.read((session) => session.get('name')), 'Ada Lovelace')
      },
      options,
    )
  }

  testOnBoth(
    'to a touch delays the response by no more than storeTimeout',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      app.clock.advance('5m')
      const held = app.store.hold('touch')
      assert.ok((await timed(browser.visit())) < soon)
      held.release()
    },
    options,
  )

  testOnBoth(
    'fails the commits that wait behind it in time, each one',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 0))
      const requests = await Promise.all(Array.from({ length: 30 }, () => browser.request()))
      for (const { session } of requests) session.update('count', (count = 0) => count + 1)
      const holds = Array.from({ length: 40 }, () => app.store.hold('save'))
      const ends = requests.map(async (request) =>
        timed(app.rejects(request.end(), StoreUnavailableError)),
      )
      for (const duration of await Promise.all(ends)) assert.ok(duration < soon, `${duration} ms`)
      for (const held of holds) held.release()
    },
    options,
  )

  test('fails a commit at its own deadline, not at that of one that came later', async (t) => {
    const app = new TestApp(t, { storeTimeout: '600ms', asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const requests = [await browser.request(), await browser.request(), await browser.request()]
    for (const { session } of requests) session.update('count', (count = 0) => count + 1)
    const holds = [app.store.hold('save'), app.store.hold('save')]
    const first = app.rejects(requests[0]?.end() as Promise<unknown>, StoreUnavailableError)
    await holds[0]?.arrived
    const second = timed(app.rejects(requests[1]?.end() as Promise<unknown>, StoreUnavailableError))
    // Its deadline is later by the time that the first one still has.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const third = app.rejects(requests[2]?.end() as Promise<unknown>, StoreUnavailableError)
    assert.ok((await second) < 900, `${await second} ms`)
    await Promise.all([first, third])
    for (const held of holds) held.release()
  })

  testOnBoth(
    'and does its work later loses nothing that was acknowledged',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const held = app.store.hold('save')
      const visit = browser.visit((session) => session.set('count', 2))
      await app.rejects(visit, StoreUnavailableError)
      await browser.visit((session) => session.set('name', 'Ada Lovelace'))
      held.release()
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(await app.data(browser.id), { count: 1, name: 'Ada Lovelace' })
    },
    options,
  )

  test('after a conflict has taken its time leaves only the rest of it', async (t) => {
    const app = new TestApp(t, { storeTimeout: '600ms', asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const request = await browser.request()
    request.session.set('count', 2)
    app.store.meanwhile('save', async () => {
      await new Promise((resolve) => setTimeout(resolve, 400))
      await browser.visit((session) => session.set('name', 'Ada Lovelace'), {
        app: app.anotherProcess(),
      })
    })
    const held = app.store.hold('load')
    const duration = await timed(app.rejects(request.end(), StoreUnavailableError))
    assert.ok(duration < 850, `${duration} ms`)
    held.release()
  })

  test('in the middle of a conflict fails the request in time', async (t) => {
    const app = new TestApp(t, { ...options, asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const request = await browser.request()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'), {
      app: app.anotherProcess(),
    })
    request.session.set('count', 2)
    const held = app.store.hold('load')
    assert.ok((await timed(app.rejects(request.end(), StoreUnavailableError))) < soon)
    held.release()
  })
})

suite('other processes that never stop changing the session', () => {
  testOnBoth(
    'lead to a SessionConflictError when storeTimeout has passed',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const other = app.anotherProcess()
      const interfere = async () => {
        await browser.visit((session) => session.update('total', (total = 0) => total + 1), {
          app: other,
        })
      }
      // The later ones take no time: the try that meets the deadline must not be cut off by it.
      for (let times = 0; times < 3; times++) app.store.meanwhile('save', interfere)
      for (let times = 0; times < 1000; times++) app.store.answer('save', 'conflict')
      const request = await browser.request()
      request.session.set('count', 2)
      const duration = await timed(app.rejects(request.end(), SessionConflictError))
      assert.ok(duration < soon, `${duration} ms`)
      assert.equal((await app.data(browser.id))?.count, 1)
      assert.ok(app.eventsOf('conflict').length >= 3)
    },
    options,
  )

  testOnBoth(
    'do not make a commit that waits miss its own deadline',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      for (let times = 0; times < 1000; times++) app.store.answer('save', 'conflict')
      const requests = [await browser.request(), await browser.request(), await browser.request()]
      for (const { session } of requests) session.update('count', (count = 0) => count + 1)
      const ends = requests.map((request) =>
        timed(
          request.end().then(
            () => assert.fail('it was not saved'),
            (error: unknown) => {
              app.shown.push(error)
              assert.ok(
                error instanceof SessionConflictError || error instanceof StoreUnavailableError,
              )
            },
          ),
        ),
      )
      for (const duration of await Promise.all(ends)) assert.ok(duration < soon, `${duration} ms`)
    },
    options,
  )
})

suite('no rejection goes unhandled', () => {
  test('of a store that fails after it was given up', async (t) => {
    const app = new TestApp(t, { ...options, asynchronous: true })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const unhandled: unknown[] = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listen)
    t.after(() => process.off('unhandledRejection', listen))
    for (const verb of ['load', 'save', 'delete'] as const) {
      const request = verb === 'load' ? null : await browser.request()
      let fail = (_error: Error) => {}
      const failure = new Promise<void>((_resolve, reject) => {
        fail = reject
      })
      app.store.meanwhile(verb, () => failure)
      if (verb === 'save') request?.session.set('count', 2)
      if (verb === 'delete') request?.session.destroy()
      await app.rejects(request?.end() ?? browser.visit(), StoreUnavailableError)
      fail(new Error('the connection was reset'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(unhandled, [])
  })
})
