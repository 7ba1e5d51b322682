import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { SessionAccessError, SessionOptionsError } from '../../src/core/errors.ts'
import { attachSession, session as proxy } from '../../src/core/request-context.ts'
import type { TestSession } from '../support/test-app.ts'
import { TestApp } from '../support/test-app.ts'

const isNoContext = { name: SessionAccessError.name, code: 'ERR_SESSION_NO_CONTEXT' }

async function openSession(app: TestApp, count: number): Promise<TestSession> {
  const session = await app.sessions.open({ cookie: undefined })
  session.set('count', count)
  return session
}

test('other sessions, such as those of the staff, do not take over the session of a visitor', async (t) => {
  const [visitors, staff] = [new TestApp(t), new TestApp(t)]
  const session = await openSession(visitors, 1)
  const request = {}
  attachSession(request, session)
  assert.equal(visitors.sessions.of(request), session)
  assert.throws(() => staff.sessions.of(request), isNoContext)
  visitors.sessions.run(session, () => {
    assert.equal(visitors.sessions.current(), session)
    assert.throws(() => staff.sessions.current(), isNoContext)
  })
})

suite('run()', () => {
  test('makes a session the current one, also after each await', async (t) => {
    const app = new TestApp(t)
    const session = await openSession(app, 1)
    const result = await app.sessions.run(session, async () => {
      assert.equal(app.sessions.current(), session)
      await turn()
      await Promise.all([turn(), Promise.resolve()])
      assert.equal(app.sessions.current().get('count'), 1)
      return 'the result'
    })
    assert.equal(result, 'the result')
  })

  test('keeps requests at the same time apart', async (t) => {
    const app = new TestApp(t)
    const runs = Array.from({ length: 50 }, async (_, index) => {
      const session = await openSession(app, index)
      await app.sessions.run(session, async () => {
        for (let turns = 0; turns <= index % 5; turns++) {
          await turn()
          assert.equal(proxy.get('count'), index)
        }
      })
    })
    await Promise.all(runs)
  })

  test('gives back what was there before, also when its function throws', async (t) => {
    const app = new TestApp(t)
    const [outer, inner] = [await openSession(app, 1), await openSession(app, 2)]
    await app.sessions.run(outer, async () => {
      assert.throws(() =>
        app.sessions.run(inner, () => {
          assert.equal(app.sessions.current().get('count'), 2)
          throw new RangeError('the handler failed')
        }),
      )
      await turn()
      assert.equal(app.sessions.current().get('count'), 1)
    })
    assert.throws(() => app.sessions.current(), isNoContext)
  })

  test('lets timers and events of a request know its session', async (t) => {
    const app = new TestApp(t)
    const session = await openSession(app, 7)
    const seen = await app.sessions.run(
      session,
      () => new Promise((resolve) => setTimeout(() => resolve(proxy.get('count')), 0)),
    )
    assert.equal(seen, 7)
  })
})

suite('the session proxy', () => {
  test('reads, writes and calls like the session itself', async (t) => {
    const app = new TestApp(t)
    const session = await openSession(app, 1)
    app.sessions.run(session, () => {
      proxy.set('name', 'Ada Lovelace')
      proxy.permanent = true
      proxy.update('count', (count) => Number(count) + 1)
      proxy.data['color'] = 'purple'
      assert.equal('permanent' in proxy, true)
      assert.equal(proxy.isNew, true)
      assert.deepEqual([...proxy], [...session])
      const { get } = proxy
      assert.equal(get('count'), 2)
    })
    assert.equal(session.permanent, true)
    assert.deepEqual(session.toJSON(), { count: 2, name: 'Ada Lovelace', color: 'purple' })
  })

  test('throws an error that says so outside a request', () => {
    const uses: (() => unknown)[] = [
      () => proxy.get('count'),
      () => proxy.set('count', 1),
      () => proxy.isNew,
      () => 'get' in proxy,
      () => proxy.login('ada'),
      () => {
        proxy.permanent = true
      },
    ]
    for (const use of uses) assert.throws(use, isNoContext)
  })
})

suite('of()', () => {
  test('finds the session that an adapter attached, and no other', async (t) => {
    const app = new TestApp(t)
    const session = await openSession(app, 1)
    const carrier = {}
    attachSession(carrier, session)
    assert.equal(app.sessions.of(carrier), session)
    assert.equal(app.sessions.of(Object.create(carrier)), session)
    for (const wrong of [{}, null, undefined, 'request']) {
      assert.throws(() => app.sessions.of(wrong as object), isNoContext)
    }
  })
})

suite('two session managers in one process', () => {
  test("do not store each other's sessions", async (t) => {
    const [app, other] = [new TestApp(t), new TestApp(t)]
    const session = await openSession(app, 1)
    await app.rejects((async () => other.sessions.save(session))(), SessionOptionsError)
    assert.equal(other.store.calls.length, 0)
    await app.sessions.save(session)
    assert.equal(await app.sessions.count(), 1)
  })

  test('take no session that neither has opened', async (t) => {
    const app = new TestApp(t)
    for (const wrong of [{}, Object.create(await openSession(app, 1)), null, undefined]) {
      assert.throws(() => app.sessions.save(wrong as TestSession), SessionOptionsError)
    }
  })
})
