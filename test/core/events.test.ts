import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { SessionEvent } from '../../src/core/events.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

suite('a listener', () => {
  test('that throws breaks no request', async (t) => {
    const logged = t.mock.method(console, 'error', () => {})
    const app = new TestApp(t, {
      onEvent: () => {
        throw new RangeError('the log of the app is full')
      },
    })
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    await browser.visit((session) => session.destroy())
    assert.equal(await app.sessions.count(), 0)
    assert.equal(logged.mock.callCount(), 3)
  })

  test('that rejects breaks no process', async (t) => {
    const logged = t.mock.method(console, 'error', () => {})
    const unhandled: unknown[] = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listen)
    t.after(() => process.off('unhandledRejection', listen))
    const app = new TestApp(t, {
      onEvent: (async () => {
        throw new RangeError('the log of the app is full')
      }) as (event: SessionEvent) => void,
    })
    await app.browser().visit((session) => session.set('count', 1))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(unhandled, [])
    assert.equal(logged.mock.callCount(), 1)
  })
})

suite('without a listener', () => {
  test('warnings go to the log, at most one of a type a minute, without any secret', async (t) => {
    const logged = t.mock.method(console, 'warn', () => {})
    const app = new TestApp(t, { onEvent: undefined as never })
    const browser = app.browser()
    await browser.visit((session) => session.login('ada'))
    for (let times = 0; times < 5; times++) {
      app.store.failBefore('save', new Error('the connection was reset'))
      await browser.visit((session) => session.set('name', 'Ada Lovelace')).catch(() => {})
    }
    const lines = logged.mock.calls.map(({ arguments: [line] }) => line as string)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^sessile: the store failed to save: /)
    app.shown.push(lines)
  })

  test('ordinary life is silent', async (t) => {
    const logged = t.mock.method(console, 'warn', () => {})
    const app = new TestApp(t, { onEvent: undefined as never })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    await browser.visit((session) => session.login('ada'))
    await browser.visit((session) => session.destroy())
    await app.sessions.sweep()
    assert.equal(logged.mock.callCount(), 0)
  })
})

suite('the events of a session tell its life', () => {
  testOnBoth('from the first write to the logout', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1))
    const { id } = browser
    assert.ok(id)
    await browser.visit((session) => session.set('count', 2))
    await browser.visit()
    await browser.visit((session) => session.login('ada'))
    await browser.visit((session) => session.rotate())
    await browser.visit((session) => session.destroy())
    assert.deepEqual(app.events, [
      { type: 'created', id, principal: null },
      { type: 'saved', id },
      { type: 'saved', id },
      { type: 'rotated', id, timed: false },
      { type: 'login', id, principal: 'ada' },
      { type: 'saved', id },
      { type: 'rotated', id, timed: false },
      { type: 'destroyed', id },
    ])
  })
})

suite('no event and no error gives anything away', () => {
  test('and the test app would notice if one did', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'Ada Lovelace'))
    const { assertNothingLeaked, confidentialTexts } = await import('../support/leak-watch.ts')
    const texts = [...confidentialTexts(app.store.calls), ...app.secrets]
    assert.ok(texts.includes('Ada Lovelace'))
    assert.ok(texts.includes(browser.cookie?.slice(37) ?? ''))
    for (const text of texts.filter(({ length }) => length > 5)) {
      const error = new Error('failed', { cause: { parameters: [`<${text}>`] } })
      assert.throws(() => assertNothingLeaked([{ type: 'store-error', error }], texts))
    }
    assertNothingLeaked(app.events, texts)
  })
})
