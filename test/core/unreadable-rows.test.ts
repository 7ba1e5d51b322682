import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { SessionGoneError } from '../../src/core/errors.ts'
import type { SessionRecord } from '../../src/core/session-record.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

const newer = JSON.stringify({ v: 99, data: { name: 'Ada Lovelace' }, extra: true })

/** A browser with a cookie whose row has this payload. */
async function rowWith(app: TestApp, data: string | Uint8Array) {
  const browser = app.browser()
  await browser.visit((session) => session.login('ada'))
  const record = await app.record(browser.id)
  assert.ok(record)
  await app.records.save({ ...record, data }, record.version, app.clock.now())
  return { browser, id: browser.id, row: (await app.record(browser.id)) as SessionRecord }
}

suite('a row whose payload cannot be read', () => {
  const payloads: Readonly<Record<string, string | Uint8Array>> = {
    'no JSON': '{"v":1,"data":{"name":"Ada Love',
    'no envelope': '"Ada Lovelace"',
    'no version': '{"data":{}}',
    'an unknown old version': '{"v":0,"data":{}}',
    'no data': '{"v":1}',
    'a list for data': '{"v":1,"data":[]}',
    'broken flash messages': '{"v":1,"data":{},"flash":[{"id":"x"}]}',
    'a broken seed': '{"v":1,"data":{},"csrf":7}',
    nothing: '',
    'bytes that are no text': new Uint8Array([0xff, 0x00, 0xfe]),
    '__proto__ as a key': '{"v":1,"data":{"__proto__":{"isAdmin":true}}}',
  }
  for (const [name, data] of Object.entries(payloads)) {
    test(`is left as it is, and the visitor is anonymous: ${name}`, async (t) => {
      const app = new TestApp(t)
      const { browser, id, row } = await rowWith(app, data)
      for (let times = 0; times < 3; times++) {
        const answer = await browser.visit((session) => {
          assert.equal(session.principal, null)
          assert.equal(session.id, null)
          assert.equal(session.size, 0)
          assert.equal(session.isNew, true)
        })
        assert.equal(answer.cookie, null)
      }
      app.clock.advance('59s')
      await browser.visit()
      assert.deepEqual(await app.record(id), row)
      assert.equal(app.store.count('save', 'touch', 'delete'), 0)
      assert.deepEqual(app.eventsOf('unreadable'), [{ type: 'unreadable', id, newerFormat: false }])
    })
  }

  testOnBoth('is left alone by a write, which begins a new session', async (app) => {
    const { browser, id, row } = await rowWith(app, '{')
    await browser.visit((session) => session.set('count', 1))
    assert.notEqual(browser.id, id)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
    assert.deepEqual(await app.record(id), row)
  })

  testOnBoth('is deleted by destroy(), which expires the cookie', async (app) => {
    const { browser, id } = await rowWith(app, '{')
    assert.equal((await browser.visit((session) => session.destroy())).cookie, '')
    assert.equal(await app.record(id), undefined)
  })

  testOnBoth('is told of again after a minute', async (app) => {
    const { browser } = await rowWith(app, '{')
    await browser.visit()
    app.clock.advance('1m')
    await browser.visit()
    assert.equal(app.eventsOf('unreadable').length, 2)
  })

  testOnBoth('gives way to a second session that can be read', async (app) => {
    const { browser } = await rowWith(app, newer)
    const [broken, other] = [browser.cookie, app.browser()]
    await other.visit((session) => session.set('count', 7))
    const session = await app.sessions.open({
      cookie: `__Host-session=${broken}; __Host-session=${other.cookie}`,
    })
    assert.equal(session.get('count'), 7)
    session.set('count', 8)
    await app.sessions.save(session)
    assert.equal((await app.data(other.id))?.count, 8)
  })

  testOnBoth('met while a request was handled drops its changes', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    for (const [data, reason] of [
      ['{', 'gone'],
      [newer, 'newer-format'],
    ] as const) {
      const { session } = await browser.request()
      session.set('count', 2)
      const record = await app.record(browser.id)
      assert.ok(record)
      await app.records.save({ ...record, data }, record.version, app.clock.now())
      await app.rejects(session.save(), SessionGoneError)
      assert.equal(app.eventsOf('dropped').at(-1)?.reason, reason)
      assert.equal((await app.record(browser.id))?.data, data)
      await app.records.save({ ...record }, record.version + 1, app.clock.now())
    }
  })
})

suite('a row in a newer format, as during a deploy,', () => {
  testOnBoth('is left as it is, and no cookie is sent whatever the visitor does', async (app) => {
    const { browser, id, row } = await rowWith(app, newer)
    const answer = await browser.visit((session) => {
      assert.equal(session.principal, null)
      session.set('count', 1)
      session.flash('Welcome back')
      session.csrfToken()
      session.permanent = true
    })
    assert.equal(answer.cookie, null)
    assert.deepEqual(await app.record(id), row)
    assert.equal(app.store.count('create'), 1)
    assert.deepEqual(app.eventsOf('unreadable'), [{ type: 'unreadable', id, newerFormat: true }])
    assert.deepEqual(app.eventsOf('dropped'), [
      { type: 'dropped', id: null, reason: 'newer-format' },
    ])
  })

  testOnBoth('is told to a save', async (app) => {
    const { browser } = await rowWith(app, newer)
    const { session } = await browser.request()
    session.set('count', 1)
    await app.rejects(session.save(), SessionGoneError)
  })

  testOnBoth('does not keep the visitor from logging in', async (app) => {
    const { browser, id, row } = await rowWith(app, newer)
    await browser.visit((session) => {
      session.set('count', 1)
      session.login('grace')
    })
    assert.notEqual(browser.id, id)
    assert.equal((await app.record(browser.id))?.principal, 'grace')
    assert.deepEqual(await app.record(id), row)
  })

  testOnBoth('is deleted by destroy(), and the visitor may begin anew', async (app) => {
    const { browser, id } = await rowWith(app, newer)
    await browser.visit((session) => {
      session.destroy()
      session.set('count', 1)
    })
    assert.equal(await app.record(id), undefined)
    assert.deepEqual(await app.data(browser.id), { count: 1 })
  })

  testOnBoth('serves the newer version of the app untouched', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const before = await app.record(browser.id)
    const older = app.anotherProcess({
      serializer: {
        stringify: (payload) => JSON.stringify(payload),
        parse: (stored) => ({ ...JSON.parse(String(stored)), v: 2 }),
      },
    })
    await browser.visit((session) => session.set('count', 2), { app: older })
    assert.deepEqual(await app.record(browser.id), before)
    assert.equal(await browser.read((session) => session.get('count')), 1)
  })
})
