import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { rotating } from '../support/rotating-sessions.ts'
import { TestApp } from '../support/test-app.ts'
import type { Answer, TestRequest } from '../support/test-browser.ts'

type Step =
  | { readonly do: 'begin'; readonly process: number }
  | { readonly do: 'end'; readonly request: number; readonly isLost: boolean }
  | { readonly do: 'arrive'; readonly answer: number }
  | { readonly do: 'wait'; readonly seconds: number }

const index = fc.nat(3)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), process: fc.nat(1) }),
  fc.record({ do: fc.constant('end' as const), request: index, isLost: fc.boolean() }),
  fc.record({ do: fc.constant('arrive' as const), answer: index }),
  fc.record({
    do: fc.constant('wait' as const),
    seconds: fc.constantFrom(1, 5, 14, 29, 30, 31, 299, 300),
  }),
)

/** An answer that takes longer than this may bring a secret that is dead by then. */
const LONGEST_WAY = 29_000

async function run(app: TestApp, steps: readonly Step[]): Promise<void> {
  const processes = [app, app.anotherProcess()]
  const browser = app.browser()
  await browser.visit((session) => session.set('count', 1))
  let requests: TestRequest[] = []
  let onTheWay: { readonly answer: Answer; readonly sentAt: number }[] = []
  const arrive = (one: (typeof onTheWay)[number]) => {
    onTheWay = onTheWay.filter((other) => other !== one)
    browser.receive(one.answer)
  }
  for (const one of steps) {
    if (one.do === 'begin') {
      const request = await browser.request({ app: processes[one.process] as TestApp })
      assert.equal(request.session.get('count'), 1, 'the browser has lost its session')
      requests.push(request)
    } else if (one.do === 'end') {
      const request = requests[one.request]
      if (request === undefined) continue
      requests = requests.filter((other) => other !== request)
      const answer = await request.send()
      if (!one.isLost) onTheWay.push({ answer, sentAt: app.clock.now() })
    } else if (one.do === 'arrive') {
      const next = onTheWay[one.answer]
      if (next !== undefined) arrive(next)
    } else {
      const present = app.clock.now() + one.seconds * 1000
      for (const late of onTheWay.filter(({ sentAt }) => present - sentAt > LONGEST_WAY))
        arrive(late)
      app.clock.set(present)
    }
  }
}

suite('rotation by the clock', () => {
  for (const asynchronous of [false, true]) {
    const kind = asynchronous ? 'asynchronous' : 'synchronous'
    test(`logs nobody out, whatever answers are late or lost (${kind} store)`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), (steps) =>
          run(new TestApp(t, { ...rotating, asynchronous }), steps),
        ),
        { numRuns: 300 },
      )
    })
  }
})
