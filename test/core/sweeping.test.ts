import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { suite, test } from 'node:test'
import { StoreUnavailableError } from '../../src/core/errors.ts'
import type { SessionEvent } from '../../src/core/events.ts'
import { SWEEP_GRACE } from '../../src/core/store.ts'
import { TestApp, testOnBoth } from '../support/test-app.ts'

async function expired(app: TestApp, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await app.browser().visit((session) => session.set('count', index))
  }
  app.clock.advance('10m')
}

const limits = (app: TestApp) =>
  app.store.calls.filter(({ verb }) => verb === 'sweep').map(({ given }) => given[1] as number)

suite('sweep()', () => {
  testOnBoth('deletes what expired more than five minutes ago, and nothing else', async (app) => {
    await expired(app, 3)
    const browser = app.browser()
    await browser.visit((session) => session.set('count', 7))
    app.clock.set(app.clock.now() + SWEEP_GRACE)
    assert.equal(await app.sessions.sweep(), 0)
    app.clock.advance('1ms')
    assert.equal(await app.sessions.sweep(), 3)
    assert.equal(await browser.read((session) => session.get('count')), 7)
    assert.equal(app.eventsOf('swept').at(-1)?.count, 3)
  })

  testOnBoth('goes on in batches until nothing is left', async (app) => {
    await expired(app, 300)
    app.clock.advance('1h')
    assert.equal(await app.sessions.sweep(), 300)
    assert.ok(limits(app).length > 2)
    assert.equal(limits(app)[0], 16)
    assert.deepEqual((await app.sessions.health()).lastSweep, { at: app.clock.now(), count: 300 })
  })

  test('takes smaller batches from a store that is slow, and never none', async (t) => {
    const app = new TestApp(t)
    await expired(app, 200)
    app.clock.advance('1h')
    for (let times = 0; times < 30; times++) app.store.meanwhile('sweep', busyFor(8))
    assert.equal(await app.sessions.sweep(), 200)
    assert.deepEqual([...new Set(limits(app))], [16])
  })

  test('takes larger batches from a store that is fast, up to a bound', async (t) => {
    const app = new TestApp(t)
    for (let times = 0; times < 12; times++) app.store.answer('sweep', 1024)
    await app.sessions.sweep()
    assert.ok(Math.max(...limits(app)) <= 1024)
    assert.ok(Math.max(...limits(app)) > 16)
  })

  test('lets other things run between two batches', async (t) => {
    const app = new TestApp(t)
    await expired(app, 100)
    app.clock.advance('1h')
    const order: string[] = []
    for (let times = 0; times < 2; times++) {
      app.store.meanwhile('sweep', () => {
        order.push('batch')
        setImmediate(() => order.push('other'))
      })
    }
    await app.sessions.sweep()
    assert.deepEqual(order.slice(0, 3), ['batch', 'other', 'batch'])
  })

  testOnBoth('joins a run that is under way', async (app) => {
    await expired(app, 20)
    app.clock.advance('1h')
    const held = app.store.hold('sweep')
    const first = app.sessions.sweep()
    await held.arrived
    const second = app.sessions.sweep()
    held.release()
    assert.deepEqual([await first, await second], [20, 20])
    assert.equal(app.eventsOf('swept').length, 1)
    assert.equal(await app.sessions.sweep(), 0)
  })

  testOnBoth('that fails is an error and an event, and the next one works', async (app) => {
    await expired(app, 3)
    app.clock.advance('1h')
    app.store.failBefore('sweep', new Error('the disk is full'))
    await app.rejects(app.sessions.sweep(), StoreUnavailableError)
    assert.equal(app.eventsOf('store-error')[0]?.verb, 'sweep')
    assert.equal(await app.sessions.sweep(), 3)
  })

  testOnBoth('by two processes at once deletes each record once', async (app) => {
    await expired(app, 50)
    app.clock.advance('1h')
    const counts = await Promise.all([app.sessions.sweep(), app.anotherProcess().sessions.sweep()])
    assert.equal(counts[0] + counts[1], 50)
  })
})

suite('sweeping by itself', () => {
  test('happens again and again, also after a failure', async (t) => {
    const types: string[] = []
    await new Promise<void>((resolve) => {
      const onEvent = ({ type }: SessionEvent) => {
        types.push(type)
        if (types.length === 3) resolve()
      }
      const app = new TestApp(t, { sweepInterval: '2ms', onEvent })
      app.store.failBefore('sweep')
    })
    assert.deepEqual(types.slice(0, 3), ['store-error', 'swept', 'swept'])
  })

  test('stops with close(), and a run that is under way ends after its batch', async (t) => {
    const app = new TestApp(t, { asynchronous: true })
    await expired(app, 200)
    app.clock.advance('1h')
    const held = app.store.hold('sweep')
    const run = app.sessions.sweep()
    await held.arrived
    const closed = app.sessions.close()
    held.release()
    assert.equal(await run, 16)
    await closed
    assert.equal(app.store.count('sweep'), 1)
    assert.equal(app.store.calls.at(-1)?.verb, 'close')
  })

  test('does not begin with sweepInterval: false', async (t) => {
    const app = new TestApp(t, { sweepInterval: false })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(app.store.calls.length, 0)
  })

  for (const interval of ['5m', '60d']) {
    test(`keeps no process alive, every ${interval}`, () => {
      const program = `
        import { createSessions } from './src/index.ts'
        import { memoryStore } from './src/memory.ts'
        const sessions = createSessions({ store: memoryStore(), sweepInterval: '${interval}' })
        const session = await sessions.open({ cookie: undefined })
        session.set('count', 1)
        await sessions.save(session)
        console.log('done')
      `
      const result = spawnSync(
        process.execPath,
        ['--input-type=module-typescript', '-e', program],
        {
          cwd: new URL('../..', import.meta.url),
          encoding: 'utf8',
          timeout: 30_000,
        },
      )
      assert.equal(result.stdout, 'done\n', result.stderr)
      assert.equal(result.status, 0)
    })
  }
})

function busyFor(milliseconds: number): () => void {
  return () => {
    const until = performance.now() + milliseconds
    while (performance.now() < until);
  }
}
