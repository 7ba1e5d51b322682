import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { TestApp, testOnBoth } from '../support/test-app.ts'

suite('requests at the same time, in one process', () => {
  testOnBoth('two requests that change different keys both win', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.set('color', 'purple')
    second.session.set('count', 7)
    await Promise.all([second.end(), first.end()])
    const expected = { name: 'Ada Lovelace', color: 'purple', count: 7 }
    assert.deepEqual(await app.data(browser.id), expected)
    assert.deepEqual(await browser.read((session) => session.toJSON()), expected)
  })

  testOnBoth('of two requests that set the same key the last commit wins', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.set('name', 'Grace Hopper')
    second.session.set('name', 'Mary Shelley')
    await second.end()
    await first.end()
    assert.deepEqual(await app.data(browser.id), { name: 'Grace Hopper' })
  })

  testOnBoth('a hundred parallel updates are all counted, in a few saves', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const requests = await Promise.all(Array.from({ length: 100 }, () => browser.request()))
    for (const { session } of requests) session.update('count', (count = 0) => count + 1)
    await Promise.all(requests.map((request) => request.end()))
    assert.deepEqual(await app.data(browser.id), { count: 100 })
    assert.ok(app.store.count('save') <= 3, `${app.store.count('save')} saves`)
    assert.equal(app.eventsOf('conflict').length, 0)
  })

  testOnBoth('each answer follows a save that holds its change', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const requests = await Promise.all(Array.from({ length: 9 }, () => browser.request()))
    const ends = requests.map(async ({ session, end }, index) => {
      session.set(`key${index}`, `value ${index}`)
      await end()
      assert.equal((await app.data(browser.id))?.[`key${index}`], `value ${index}`)
    })
    await Promise.all(ends)
  })

  testOnBoth('a request that began early goes on with what others stored', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { session } = await browser.request()
    await browser.visit((other) => other.set('name', 'Ada Lovelace'))
    assert.equal(session.get('name'), undefined)
    session.update('count', (count = 0) => count + 1)
    await session.save()
    assert.equal(session.get('name'), 'Ada Lovelace')
    assert.equal(session.modified, false)
    session.update('count', (count = 0) => count + 1)
    await session.save()
    assert.deepEqual(await app.data(browser.id), { count: 3, name: 'Ada Lovelace' })
  })
})

suite('requests at the same time, in two processes', () => {
  testOnBoth('two requests that change different keys both win', async (app) => {
    const other = app.anotherProcess()
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'))
    const first = await browser.request()
    const second = await browser.request({ app: other })
    first.session.set('color', 'purple')
    second.session.set('count', 7)
    await second.end()
    await first.end()
    const expected = { name: 'Ada Lovelace', color: 'purple', count: 7 }
    assert.deepEqual(await app.data(browser.id), expected)
    assert.deepEqual(app.eventsOf('conflict'), [{ type: 'conflict', id: browser.id, attempt: 1 }])
    assert.equal(other.eventsOf('conflict').length, 0)
  })

  testOnBoth('a hundred parallel updates are all counted', async (app) => {
    const other = app.anotherProcess()
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const processes = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? app : other))
    const requests = await Promise.all(processes.map((one) => browser.request({ app: one })))
    for (const { session } of requests) session.update('count', (count = 0) => count + 1)
    await Promise.all(requests.map((request) => request.end()))
    assert.deepEqual(await app.data(browser.id), { count: 100 })
    assert.ok(app.eventsOf('conflict').length + other.eventsOf('conflict').length > 0)
  })

  test('a session that is changed again and again by others is saved in the end', async (t) => {
    const app = new TestApp(t)
    const other = app.anotherProcess()
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 0))
    const interfere = async () => {
      await browser.visit((session) => session.update('count', (count = 0) => count + 1), {
        app: other,
      })
    }
    for (let times = 0; times < 5; times++) app.store.meanwhile('save', interfere)
    await browser.visit((session) => session.update('total', (total = 0) => total + 1))
    assert.deepEqual(await app.data(browser.id), { count: 5, total: 1 })
    assert.equal(app.eventsOf('conflict').at(-1)?.attempt, 5)
  })
})

suite('fields of the session that only one of two requests changes', () => {
  testOnBoth('permanent changes only by the request that sets it', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.permanent = true
    second.session.set('count', 1)
    await first.end()
    await second.end()
    assert.equal((await app.record(browser.id))?.persistent, true)
    assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace', count: 1 })
  })

  testOnBoth(
    'only the request that changes the persistence sends the cookie again',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('name', 'Ada Lovelace'))
      const [first, second] = [await browser.request(), await browser.request()]
      first.session.permanent = true
      second.session.set('count', 1)
      assert.equal((await first.end()).cookie, browser.cookie)
      assert.equal((await second.end()).cookie, null)
    },
  )

  testOnBoth('the principal stays what another request made it', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    const [first, second] = [await browser.request(), await browser.request()]
    first.session.set('color', 'purple')
    second.session.set('count', 1)
    await Promise.all([first.end(), second.end()])
    assert.equal((await app.record(browser.id))?.principal, 'ada')
  })
})
