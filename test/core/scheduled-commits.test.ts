import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import type { Store } from '../../src/core/store.ts'
import { delegatingStore } from '../support/delegating-store.ts'
import type { TestSession } from '../support/test-app.ts'
import { TestApp } from '../support/test-app.ts'
import type { TestBrowser } from '../support/test-browser.ts'

const wishes = {
  increment: (session: TestSession) => session.update('count', (count = 0) => count + 1),
  key: (session: TestSession, index: number) => session.set(`key${index}`, 'some text'),
  read: (session: TestSession) => session.get('count'),
  login: (session: TestSession) => session.login('ada'),
  rotate: (session: TestSession) => session.rotate(),
  destroy: (session: TestSession) => session.destroy(),
}

type Wish = keyof typeof wishes

/** Each call of the store happens, and each answer of it comes back, when the scheduler wants it. */
function scheduledStore(records: Store, scheduler: fc.Scheduler): Store {
  const verbs = ['create', 'load', 'save', 'touch', 'delete'] as const
  const overrides = verbs.map((verb) => {
    const call = records[verb].bind(records) as (...given: unknown[]) => unknown
    const scheduled = async (...given: unknown[]) => {
      await scheduler.schedule(Promise.resolve(), verb)
      const outcome = await call(...given)
      await scheduler.schedule(
        Promise.resolve(),
        `${verb}: ${JSON.stringify(outcome)?.slice(0, 20)}`,
      )
      return outcome
    }
    return [verb, scheduled]
  })
  return delegatingStore(records, Object.fromEntries(overrides))
}

async function meet(
  t: TestContext,
  scheduler: fc.Scheduler,
  asked: readonly Wish[],
): Promise<void> {
  const app = new TestApp(t)
  const browser = app.browser()
  await browser.visit((session) => session.set('count', 0))
  const { id, cookie: before } = browser
  const records = scheduledStore(app.records, scheduler)
  const processes = [app.anotherProcess({ records }), app.anotherProcess({ records })] as const
  const begun = asked.map((_, index) =>
    browser.request({ app: processes[index % 2 === 0 ? 0 : 1] }),
  )
  const requests = await scheduler.waitFor(Promise.all(begun))
  for (const [index, { session }] of requests.entries())
    wishes[asked[index] as Wish](session, index)
  const answers = await scheduler.waitFor(Promise.all(requests.map((request) => request.send())))

  const record = await app.record(id)
  const has = (wish: Wish) => asked.includes(wish)
  if (has('destroy')) assert.equal(record, undefined, 'a destroyed session came back')
  if (!has('destroy') && !has('login') && !has('rotate')) {
    const { count, ...keys } = (await app.data(id)) ?? {}
    assert.equal(count, asked.filter((wish) => wish === 'increment').length)
    assert.equal(Object.keys(keys).length, asked.filter((wish) => wish === 'key').length)
  }
  for (const [index, { cookie }] of answers.entries()) {
    const wish = asked[index]
    if (wish === 'login') {
      assert.ok(cookie, 'a login was lost')
      const endedById = has('destroy') && cookie.startsWith(`${id}.`)
      if (!endedById) assert.equal(await principalOf(app.browser(), cookie), 'ada')
    } else if (wish === 'destroy') assert.ok(cookie === '' || cookie === null)
    else if (wish !== 'rotate') assert.equal(cookie, null, `${wish} must not touch the cookie`)
  }
  const replaced = answers.some(({ cookie }) => cookie?.startsWith(`${id}.`))
  if (replaced) assert.equal(await principalOf(app.browser(), before), null)
  if (has('login')) assert.equal(await principalOf(app.browser(), before), null)
}

async function principalOf(browser: TestBrowser, cookie: string | null): Promise<string | null> {
  browser.cookie = cookie
  return browser.read(({ principal }) => principal)
}

suite('commits of two processes that overlap in any way', () => {
  test('lose no write, no login and no logout', async (t) => {
    const wish = fc.constantFrom(...(Object.keys(wishes) as Wish[]))
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(wish, { minLength: 2, maxLength: 6 }),
        (scheduler, asked) => meet(t, scheduler, asked),
      ),
      { numRuns: 300 },
    )
  })

  test('count every update', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 8 }), (scheduler, count) =>
        meet(t, scheduler, Array<Wish>(count).fill('increment')),
      ),
      { numRuns: 100 },
    )
  })
})
