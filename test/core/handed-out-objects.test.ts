import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { TestSession } from '../support/test-app.ts'
import { TestApp } from '../support/test-app.ts'

type Cart = string[]

const ways: Record<string, (session: TestSession) => Cart | undefined> = {
  'get()': (session) => session.get('cart'),
  'entries()': (session) => new Map<string, unknown>(session.entries()).get('cart') as Cart,
  iteration: (session) => Object.fromEntries<unknown>(session)['cart'] as Cart,
  'toJSON()': (session) => session.toJSON().cart,
  'session.data': (session) => session.data.cart,
  'a spread of session.data': (session) => ({ ...session.data }).cart,
  'the rest of session.data': ({ data: { count: _, ...rest } }) => rest.cart,
  'Object.values(session.data)': ({ data }) => Object.values(data).find(Array.isArray) as Cart,
  'update()': (session) => session.update('cart', (cart = []) => cart),
}

suite('an object that a handler got by', () => {
  for (const [way, take] of Object.entries(ways)) {
    test(`${way} may be changed inside, and the next request sees it`, async (t) => {
      const app = new TestApp(t)
      const browser = app.browser()
      await browser.visit((session) => {
        session.set('count', 1)
        session.set('cart', ['a pear'])
      })
      await browser.visit((session) => {
        take(session)?.push('an apple')
        assert.equal(session.modified, true)
      })
      assert.deepEqual((await app.data(browser.id))?.cart, ['a pear', 'an apple'])
    })

    if (way === 'update()') continue
    test(`${way} and only looked at costs no save`, async (t) => {
      const app = new TestApp(t)
      const browser = app.browser()
      await browser.visit((session) => session.set('cart', ['a pear']))
      await browser.visit((session) => {
        assert.deepEqual(take(session), ['a pear'])
        assert.equal(session.modified, false)
      })
      assert.equal(app.store.count('save'), 0)
    })
  }

  test('JSON.stringify(session) is looked at only', async (t) => {
    const app = new TestApp(t)
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['a pear']))
    await browser.visit((session) => {
      assert.equal(JSON.stringify({ session }), '{"session":{"cart":["a pear"]}}')
    })
    assert.equal(app.store.count('save'), 0)
  })
})
