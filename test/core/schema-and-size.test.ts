import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { z } from 'zod'
import { SessionDataError, SessionOptionsError } from '../../src/core/errors.ts'
import type { StandardSchema } from '../../src/core/schema.ts'
import type { TestData } from '../support/test-app.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

const schema = z.object({
  name: z.string().max(20).optional(),
  count: z.number().int().optional(),
  profile: z.object({ city: z.string(), tags: z.array(z.string()) }).optional(),
}) as unknown as StandardSchema<TestData>

suite('a schema', () => {
  testOnBoth(
    'refuses at the commit what does not fit, and names the path only',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('name', 'Ada Lovelace'))
      const { session, end } = await browser.request()
      session.set('count', 'forty-two' as unknown as number)
      const error = (await app.rejects(end(), SessionDataError)) as SessionDataError
      assert.equal(error.code, 'ERR_SESSION_DATA_SCHEMA')
      assert.equal(error.path, 'count')
      assert.equal(error.message.includes('forty-two'), false)
      assert.deepEqual(await app.data(browser.id), { name: 'Ada Lovelace' })
      session.set('count', 42)
      await session.save()
      assert.equal((await app.data(browser.id))?.count, 42)
    },
    { schema },
  )

  testOnBoth(
    'names a path inside an object',
    async (app) => {
      const { session, end } = await app.browser().request()
      session.set('profile', { city: 'London', tags: ['a', 7 as unknown as string] })
      const error = (await app.rejects(end(), SessionDataError)) as SessionDataError
      assert.equal(error.path, 'profile.tags[1]')
    },
    { schema },
  )

  testOnBoth('is checked on the merged data', async (app) => {
    const shortTogether: StandardSchema<TestData> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (data) =>
          Object.keys(data as object).length <= 2 ? {} : { issues: [{ message: 'too many keys' }] },
      },
    }
    const strict = app.anotherProcess({ schema: shortTogether })
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 1), { app: strict })
    const [first, second] = [
      await browser.request({ app: strict }),
      await browser.request({ app: strict }),
    ]
    first.session.set('name', 'Ada Lovelace')
    second.session.set('color', 'purple')
    await first.end()
    const error = (await app.rejects(second.end(), SessionDataError)) as SessionDataError
    assert.equal(error.path, '(data)')
    assert.deepEqual(Object.keys((await app.data(browser.id)) ?? {}), ['count', 'name'])
  })

  testOnBoth('that a stored row no longer fits hands it out, with an event', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('color', 'purple'))
    await browser.visit((session) => session.set('count', 'many' as unknown as number))
    const strict = app.anotherProcess({ schema })
    await browser.visit((session) => assert.equal(session.get('count'), 'many'), { app: strict })
    const event = { type: 'schema-mismatch', id: browser.id, path: 'count' }
    assert.deepEqual(strict.eventsOf('schema-mismatch'), [event])
    await browser.visit((session) => session.set('count', 1), { app: strict })
    assert.equal((await app.data(browser.id))?.count, 1)
  })

  testOnBoth(
    'does not keep anybody from logging out, or the session from being touched',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 'many' as unknown as number))
      const strict = app.anotherProcess({ schema })
      app.clock.advance('5m')
      await browser.visit(undefined, { app: strict })
      assert.equal(strict.store.count('touch'), 1)
      await browser.visit((session) => session.destroy(), { app: strict })
      assert.equal(await app.sessions.count(), 0)
    },
  )

  test('that answers with a promise is refused, and its rejection is not unhandled', async (t) => {
    const unhandled: unknown[] = []
    const listen = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', listen)
    t.after(() => process.off('unhandledRejection', listen))
    const app = new TestApp(t, {
      schema: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: () => Promise.reject(new Error('the database of the app is down')),
        },
      },
    })
    const { session, end } = await app.browser().request()
    session.set('count', 1)
    await app.rejects(end(), SessionOptionsError)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(unhandled, [])
  })
})

suite('maxDataBytes', () => {
  testOnBoth(
    'refuses a save that makes the payload too large, and names the largest key',
    async (app) => {
      const browser = app.browser()
      await browser.visit((session) => session.set('count', 1))
      const { session, end } = await browser.request()
      session.set('name', 'Ada Lovelace')
      session.set(
        'cart',
        Array.from({ length: 100 }, () => 'a pear of the season'),
      )
      const error = (await app.rejects(end(), SessionDataError)) as SessionDataError
      assert.equal(error.code, 'ERR_SESSION_DATA_SIZE')
      assert.equal(error.path, 'cart')
      assert.match(error.message, /would be \d+ bytes; maxDataBytes allows 1000/)
      assert.deepEqual(await app.data(browser.id), { count: 1 })
    },
    { maxDataBytes: 1000 },
  )

  testOnBoth(
    'counts bytes, not characters',
    async (app) => {
      const { session, end } = await app.browser().request()
      session.set('name', '€'.repeat(400))
      await app.rejects(end(), SessionDataError)
    },
    { maxDataBytes: 1000 },
  )

  testOnBoth('lets a payload that is too large already shrink, and stay as it is', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => {
      session.set('name', 'x'.repeat(500))
      session.set('color', 'y'.repeat(500))
    })
    const strict = app.anotherProcess({ maxDataBytes: 300 })
    await browser.visit((session) => session.set('name', 'z'.repeat(500)), { app: strict })
    await browser.visit((session) => session.delete('color'), { app: strict })
    const growing = browser.visit((session) => session.set('name', 'x'.repeat(501)), {
      app: strict,
    })
    await app.rejects(growing, SessionDataError)
    await browser.visit((session) => session.set('name', 'x'.repeat(100)), { app: strict })
    assert.deepEqual(await app.data(browser.id), { name: 'x'.repeat(100) })
  })

  testOnBoth(
    'is told of flash messages that are too large, too',
    async (app) => {
      const { session, end } = await app.browser().request()
      session.set('count', 1)
      session.flash('x'.repeat(2000))
      const error = (await app.rejects(end(), SessionDataError)) as SessionDataError
      assert.match(error.message, /flash messages/)
    },
    { maxDataBytes: 1000 },
  )

  testOnBoth('is 65,536 by default', async (app) => {
    const browser = app.browser()
    await browser.visit((session) => session.set('name', 'x'.repeat(65_000)))
    const { session, end } = await browser.request()
    session.set('name', 'x'.repeat(65_600))
    await app.rejects(end(), SessionDataError)
    assert.equal((await app.data(browser.id))?.name?.length, 65_000)
  })
})
