import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionDataError, StoreUnavailableError } from '../../src/core/errors.ts'
import type { StandardSchema } from '../../src/core/schema.ts'
import type { TestAppOptions, TestData } from '../support/test-app.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'
import type { TestRequest } from '../support/test-browser.ts'

/** A session, a commit of it that the store holds up, and requests whose commits wait behind it. */
async function behindHeldCommit(app: TestApp, requestCount: number) {
  const browser = app.browser()
  await browser.visit((session) => session.set('count', 0))
  const requests: TestRequest[] = []
  for (let index = 0; index < requestCount; index++) requests.push(await browser.request())
  const first = await browser.request()
  first.session.set('name', 'Ada Lovelace')
  const held = app.store.hold('save')
  const firstEnd = first.end()
  await held.arrived
  return { browser, requests, held, firstEnd }
}

const increment = (count = 0) => count + 1

suite('commits that wait are put into one save', () => {
  testOnBoth('which holds the changes of all of them', async (app) => {
    const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 20)
    for (const { session } of requests) session.update('count', increment)
    const ends = requests.map((request) => request.end())
    held.release()
    await Promise.all([firstEnd, ...ends])
    assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 20 })
    assert.equal(app.store.count('save'), 2)
  })

  testOnBoth('an update function that throws fails its own request only', async (app) => {
    const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 5)
    const boom = new RangeError('the function of the app failed')
    for (const [index, { session }] of requests.entries()) {
      let calls = 0
      session.update('count', (count = 0) => {
        if (index === 2 && ++calls === 2) throw boom
        return count + 1
      })
    }
    const ends = Promise.allSettled(requests.map((request) => request.end()))
    held.release()
    await firstEnd
    const results = (await ends).map((end) => (end.status === 'rejected' ? end.reason : 'ended'))
    assert.deepEqual(results, ['ended', 'ended', boom, 'ended', 'ended'])
    assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 4 })
  })

  testOnBoth(
    'when every function throws, every request fails and nothing is stored',
    async (app) => {
      const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 3)
      for (const { session } of requests) {
        let calls = 0
        session.update('count', () => {
          if (++calls === 2) throw new RangeError('the function of the app failed')
          return 1
        })
      }
      const ends = requests.map((request) => app.rejects(request.end(), RangeError))
      held.release()
      await Promise.all([firstEnd, ...ends])
      assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 0 })
    },
  )

  testOnBoth(
    'data that is too large together fails only the request that is too much',
    async (app) => {
      const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 3)
      for (const [index, { session }] of requests.entries()) {
        session.set(`key${index}`, 'x'.repeat(30_000))
      }
      const ends = Promise.allSettled(requests.map((request) => request.end()))
      held.release()
      await firstEnd
      assert.deepEqual(
        (await ends).map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected'],
      )
      const stored = Object.keys((await app.data(browser.id)) ?? {})
      assert.deepEqual(stored, ['count', 'name', 'key0', 'key1'])
    },
  )

  testOnBoth(
    'data that does not fit the schema together fails only the request that breaks it',
    async (app) => {
      const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 4)
      for (const { session } of requests) session.update('count', increment)
      const ends = Promise.allSettled(requests.map((request) => request.end()))
      held.release()
      await firstEnd
      const results = await ends
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
      )
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(result.reason instanceof SessionDataError)
      }
      assert.equal((await app.data(browser.id))?.count, 2)
    },
    { schema: countUpTo(2) },
  )

  testOnBoth('a request that is no longer admitted is left out', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const stale = await browser.request()
    await browser.visit((session) => session.login('ada'))
    const { requests, held, firstEnd } = await resume(app, browser)
    stale.session.set('color', 'purple')
    requests[0]?.session.update('count', increment)
    const ends = [stale.end(), ...requests.map((request) => request.end())]
    held.release()
    await Promise.all([firstEnd, ...ends])
    assert.deepEqual(await app.data(browser.id), { count: 1, name: 'Ada Lovelace' })
    assert.deepEqual(app.eventsOf('dropped'), [
      { type: 'dropped', id: browser.id, reason: 'no-longer-admitted' },
    ])
  })

  testOnBoth(
    'a login in the queue comes after those before it and bars those behind it',
    async (app) => {
      const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 3)
      const [before, login, behind] = requests as [TestRequest, TestRequest, TestRequest]
      before.session.update('count', increment)
      login.session.login('ada')
      behind.session.update('count', (count = 0) => count + 100)
      const ends = [before.send(), login.end(), behind.send()]
      held.release()
      await Promise.all([firstEnd, ...ends])
      assert.deepEqual(await app.data(browser.id), { count: 1, name: 'Ada Lovelace' })
      assert.equal((await app.record(browser.id))?.principal, 'ada')
      assert.equal(app.eventsOf('dropped').length, 1)
    },
  )

  testOnBoth(
    'a failing save fails all the requests in it, and the next one succeeds',
    async (app) => {
      const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 3)
      for (const { session } of requests) session.update('count', increment)
      app.store.failBefore('save')
      const ends = requests.map((request) => app.rejects(request.end(), StoreUnavailableError))
      held.release()
      await Promise.all([firstEnd, ...ends])
      assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 0 })
      await Promise.all(requests.map(({ session }) => session.save()))
      assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 3 })
    },
  )
})

suite('a combined save', () => {
  test('conflicts with another process and keeps everything', async (t) => {
    const app = new TestApp(t, { asynchronous: true })
    const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 10)
    for (const { session } of requests) session.update('count', increment)
    const ends = requests.map((request) => request.end())
    app.store.meanwhile('save', async () => {
      await browser.visit((session) => session.set('color', 'purple'), {
        app: app.anotherProcess(),
      })
    })
    held.release()
    await Promise.all([firstEnd, ...ends])
    assert.deepEqual(await app.data(browser.id), {
      count: 10,
      name: 'Ada Lovelace',
      color: 'purple',
    })
  })

  test('that finds the session gone drops the changes of all', async (t) => {
    const app = new TestApp(t)
    const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 3)
    for (const { session } of requests) session.update('count', increment)
    const ends = requests.map((request) => request.end())
    app.store.meanwhile('save', () => void app.records.delete(browser.id ?? ''))
    held.release()
    const answers = await Promise.all(ends)
    await firstEnd
    assert.deepEqual(
      answers.map(({ cookie }) => cookie),
      [null, null, null],
    )
    assert.equal(app.eventsOf('dropped').length, 3)
    assert.equal(await app.record(browser.id), undefined)
  })

  test('of more requests than fit takes several saves', async (t) => {
    const app = new TestApp(t)
    const { browser, requests, held, firstEnd } = await behindHeldCommit(app, 600)
    for (const { session } of requests) session.update('count', increment)
    const ends = requests.map((request) => request.end())
    held.release()
    await Promise.all([firstEnd, ...ends])
    assert.equal((await app.data(browser.id))?.count, 600)
    assert.equal(app.store.count('save'), 4)
  })
})

async function resume(app: TestApp, browser: ReturnType<TestApp['browser']>) {
  const requests = [await browser.request()]
  const first = await browser.request()
  first.session.set('name', 'Ada Lovelace')
  const held = app.store.hold('save')
  const firstEnd = first.end()
  await held.arrived
  return { requests, held, firstEnd }
}

function countUpTo(most: number): NonNullable<TestAppOptions['schema']> {
  const schema: StandardSchema<TestData> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (data) => {
        const { count = 0 } = data as TestData
        return count <= most ? {} : { issues: [{ message: 'too many', path: ['count'] }] }
      },
    },
  }
  return schema
}
