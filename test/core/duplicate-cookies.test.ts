import assert from 'node:assert/strict'
import { suite } from 'node:test'
import type { TestApp } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

async function sessionsOf(app: TestApp, count: number): Promise<TestBrowser[]> {
  const browsers: TestBrowser[] = []
  for (let index = 0; index < count; index++) {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', index))
    browsers.push(browser)
  }
  return browsers
}

const header = (...cookies: (string | null)[]) =>
  cookies.map((cookie) => `__Host-session=${cookie}`).join('; ')

const dead = `019b76da-a800-7000-8000-000000000000.${'A'.repeat(43)}`

suite('several cookies of our name', () => {
  testOnBoth('are loaded in one batch, and the first live one wins', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    for (const [cookie, expected] of [
      [header(first.cookie, second.cookie), 0],
      [header(second.cookie, first.cookie), 1],
      [header(dead, second.cookie, first.cookie), 1],
      [header('rubbish', second.cookie), 1],
    ] as const) {
      const before = app.store.count('load')
      const session = await app.sessions.open({ cookie })
      assert.equal(session.get('count'), expected)
      assert.equal(app.store.count('load'), before + 1)
    }
  })

  testOnBoth('are told of in an event', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    const session = await app.sessions.open({ cookie: header(first.cookie, second.cookie) })
    assert.equal(session.isNew, false)
    const event = { type: 'duplicate-cookies', id: first.id, count: 2 }
    assert.deepEqual(app.eventsOf('duplicate-cookies'), [event])
  })

  testOnBoth('with the same id and secret are one', async (app) => {
    const [only] = await sessionsOf(app, 1)
    assert.ok(only)
    const session = await app.sessions.open({ cookie: header(only.cookie, only.cookie) })
    assert.equal(session.get('count'), 0)
    assert.equal(app.eventsOf('duplicate-cookies').length, 0)
  })

  testOnBoth('cost at most four lookups', async (app) => {
    const browsers = await sessionsOf(app, 6)
    const cookie = header(...browsers.map((browser) => browser.cookie))
    const session = await app.sessions.open({ cookie })
    assert.equal(session.get('count'), 0)
    const [load] = app.store.calls.filter(({ verb }) => verb === 'load')
    assert.ok(load)
    assert.equal((load.given[0] as string[]).length, 4)
  })

  testOnBoth('change the winner only, and the others keep theirs', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    const session = await app.sessions.open({ cookie: header(first.cookie, second.cookie) })
    session.set('name', 'Ada Lovelace')
    await app.sessions.save(session)
    assert.deepEqual(await app.data(first.id), { count: 0, name: 'Ada Lovelace' })
    assert.deepEqual(await app.data(second.id), { count: 1 })
  })

  testOnBoth('that are old do not make a live one anonymous', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    const old = first.cookie
    await first.visit((session) => session.login('ada'))
    for (const cookie of [header(old, first.cookie), header(first.cookie, old)]) {
      const session = await app.sessions.open({ cookie })
      assert.equal(session.principal, 'ada')
      session.update('count', (count = 0) => count + 1)
      await app.sessions.save(session)
    }
    assert.deepEqual(await app.data(first.id), { count: 2 })
  })
})

suite('destroy() with several cookies of our name', () => {
  testOnBoth('ends every live session whose token was presented', async (app) => {
    const [first, second, stranger] = await sessionsOf(app, 3)
    assert.ok(first && second && stranger)
    const wrongSecret = `${stranger.id}.${'A'.repeat(43)}`
    const session = await app.sessions.open({
      cookie: header(dead, wrongSecret, first.cookie, second.cookie),
    })
    session.destroy()
    const { headers } = await app.sessions.save(session)
    assert.match(headers[0]?.[1] ?? '', /^__Host-session=;/)
    assert.equal(await app.record(first.id), undefined)
    assert.equal(await app.record(second.id), undefined)
    assert.ok(await app.record(stranger.id))
    assert.equal(app.eventsOf('destroyed').length, 2)
  })

  testOnBoth('ends them after reload(), too', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    const session = await app.sessions.open({ cookie: header(first.cookie, second.cookie) })
    session.set('count', 5)
    await session.reload()
    session.destroy()
    await app.sessions.save(session)
    assert.equal(await app.sessions.count(), 0)
  })

  testOnBoth('ends the one that a login of the same request has left behind', async (app) => {
    const [first] = await sessionsOf(app, 1)
    assert.ok(first)
    const { session, end } = await first.request()
    await first.visit((concurrent) => concurrent.login('grace'))
    session.login('ada')
    await session.save()
    session.destroy()
    await end()
    assert.equal((await app.sessions.list('ada')).length, 0)
  })

  testOnBoth('goes on with the next ones when it is repeated after a failure', async (app) => {
    const [first, second] = await sessionsOf(app, 2)
    assert.ok(first && second)
    const session = await app.sessions.open({ cookie: header(first.cookie, second.cookie) })
    session.destroy()
    app.store.meanwhile('delete', () => {})
    app.store.failBefore('delete')
    await session.save().catch(() => {})
    assert.equal(await app.sessions.count(), 1)
    const { headers } = await app.sessions.save(session)
    assert.match(headers[0]?.[1] ?? '', /^__Host-session=;/)
    assert.equal(await app.sessions.count(), 0)
  })
})
