import assert from 'node:assert/strict'
import { suite } from 'node:test'
import type { TestSession } from '../support/test-app.ts'
import { testOnBoth } from '../support/test-app.ts'

const profile = { city: 'London', tags: ['mathematics'] }

/** Two requests begin on the same session; the second one ends first. */
function merging(
  name: string,
  {
    before,
    first,
    second,
    expected,
  }: {
    readonly before: (session: TestSession) => void
    readonly first: (session: TestSession) => void
    readonly second: (session: TestSession) => void
    readonly expected: object | null
  },
): void {
  testOnBoth(name, async (app) => {
    for (const other of [app, app.anotherProcess()]) {
      const browser = app.browser()
      await browser.visit(before)
      const { id } = browser
      const [slow, fast] = [await browser.request(), await browser.request({ app: other })]
      first(slow.session)
      second(fast.session)
      await fast.end()
      await slow.end()
      assert.deepEqual(await app.data(id), expected)
    }
  })
}

suite('changes of two requests at once', () => {
  merging('a change inside an object is kept beside a change of another key', {
    before: (session) => session.set('profile', profile),
    first: (session) => session.get('profile')?.tags.push('poetry'),
    second: (session) => session.set('name', 'Ada Lovelace'),
    expected: {
      profile: { city: 'London', tags: ['mathematics', 'poetry'] },
      name: 'Ada Lovelace',
    },
  })

  merging('a change inside an object counts as a set of its top-level key', {
    before: (session) => session.set('profile', profile),
    first: (session) => session.get('profile')?.tags.push('poetry'),
    second: (session) => session.set('profile', { city: 'Paris', tags: [] }),
    expected: { profile: { city: 'London', tags: ['mathematics', 'poetry'] } },
  })

  merging('an object that was read and not changed does not undo what another request set', {
    before: (session) => session.set('profile', profile),
    first: (session) => {
      session.get('profile')
      session.set('count', 1)
    },
    second: (session) => session.set('profile', { city: 'Paris', tags: [] }),
    expected: { profile: { city: 'Paris', tags: [] }, count: 1 },
  })

  merging('a change through session.data counts like any other', {
    before: (session) => session.set('profile', profile),
    first: ({ data }) => data.profile?.tags.push('poetry'),
    second: ({ data }) => {
      data.name = 'Ada Lovelace'
    },
    expected: {
      profile: { city: 'London', tags: ['mathematics', 'poetry'] },
      name: 'Ada Lovelace',
    },
  })

  merging('clear also removes keys that another request adds meanwhile', {
    before: (session) => session.set('name', 'Ada Lovelace'),
    first: (session) => {
      session.clear()
      session.set('count', 1)
    },
    second: (session) => session.set('color', 'purple'),
    expected: { count: 1 },
  })

  merging('keep also removes keys that another request adds meanwhile', {
    before: (session) => session.set('name', 'Ada Lovelace'),
    first: (session) => session.keep(['name', 'count']),
    second: (session) => {
      session.set('color', 'purple')
      session.set('count', 2)
    },
    expected: { name: 'Ada Lovelace', count: 2 },
  })

  merging('a delete removes what another request set meanwhile', {
    before: (session) => {
      session.set('name', 'Ada Lovelace')
      session.set('count', 1)
    },
    first: (session) => session.delete('name'),
    second: (session) => session.set('name', 'Grace Hopper'),
    expected: { count: 1 },
  })

  merging('a set stays although another request deleted the key meanwhile', {
    before: (session) => session.set('name', 'Ada Lovelace'),
    first: (session) => session.set('name', 'Grace Hopper'),
    second: (session) => {
      session.delete('name')
      session.set('count', 1)
    },
    expected: { name: 'Grace Hopper', count: 1 },
  })

  merging('deleting a key that is not there does not delete what another request sets', {
    before: (session) => session.set('count', 1),
    first: (session) => {
      assert.equal(session.delete('name'), false)
      session.set('count', 2)
    },
    second: (session) => session.set('name', 'Ada Lovelace'),
    expected: { count: 2, name: 'Ada Lovelace' },
  })

  merging('an update gets a fresh copy each time that it runs', {
    before: (session) => session.set('cart', ['pear']),
    first: (session) =>
      session.update('cart', (cart = []) => {
        cart.push('quince')
        return cart
      }),
    second: (session) => session.set('cart', ['apple']),
    expected: { cart: ['apple', 'quince'] },
  })

  merging('an update sees that another request deleted the key', {
    before: (session) => {
      session.set('count', 41)
      session.set('name', 'Ada Lovelace')
    },
    first: (session) => session.update('count', (count = 0) => count + 1),
    second: (session) => session.delete('count'),
    expected: { name: 'Ada Lovelace', count: 1 },
  })

  merging('operations are done again in their order', {
    before: (session) => session.set('count', 1),
    first: (session) => {
      session.update('count', (count = 0) => count * 10)
      session.delete('name')
      session.update('count', (count = 0) => count + 1)
      session.set('total', 5)
      session.update('total', (total = 0) => total + 1)
    },
    second: (session) => session.set('count', 2),
    expected: { count: 21, total: 6 },
  })

  merging('a change inside the result of an update is stored', {
    before: (session) => session.set('cart', ['pear']),
    first: (session) => session.update('cart', (cart = []) => [...cart, 'quince']).push('plum'),
    second: (session) => session.set('name', 'Ada Lovelace'),
    expected: { cart: ['pear', 'quince', 'plum'], name: 'Ada Lovelace' },
  })

  merging('a change inside an object after set is part of the set', {
    before: (session) => session.set('count', 1),
    first: (session) => {
      const cart = ['pear']
      session.set('cart', cart)
      cart.push('quince')
    },
    second: (session) => session.set('count', 2),
    expected: { count: 2, cart: ['pear', 'quince'] },
  })

  merging('both requests may empty the session', {
    before: (session) => session.set('name', 'Ada Lovelace'),
    first: (session) => session.clear(),
    second: (session) => session.delete('name'),
    expected: null,
  })
})

suite('what is handed out', () => {
  testOnBoth('reading writes nothing', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('profile', profile))
    await browser.visit((session) => {
      assert.deepEqual(session.get('profile'), profile)
      assert.deepEqual([...session], [['profile', profile]])
      assert.deepEqual(session.toJSON(), { profile })
      assert.equal(session.modified, false)
    })
    assert.equal(app.store.count('save', 'touch'), 0)
  })

  testOnBoth('an object that is changed and changed back writes nothing', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    await browser.visit((session) => {
      session.get('cart')?.push('quince')
      session.get('cart')?.pop()
    })
    assert.equal(app.store.count('save'), 0)
  })

  testOnBoth(
    'what a handler does to an object after the commit began is not stored',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { session } = await browser.request()
      await browser.visit((other) => other.set('count', 2))
      const cart = ['pear']
      session.set('cart', cart)
      const saved = session.save()
      cart.push('quince')
      await saved
      assert.deepEqual(await app.data(browser.id), { count: 2, cart: ['pear'] })
      await session.save()
      assert.deepEqual(await app.data(browser.id), { count: 2, cart: ['pear', 'quince'] })
    },
  )

  testOnBoth('an object may be changed again after each save', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('cart', ['pear']))
    const { session } = await browser.request()
    const cart = session.get('cart')
    for (const fruit of ['quince', 'plum', 'medlar']) {
      cart?.push(fruit)
      await session.save()
      assert.equal((await app.data(browser.id))?.cart?.at(-1), fruit)
    }
    assert.equal(app.store.count('save'), 3)
  })
})
