import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import http from 'node:http'
import { describe, test } from 'node:test'
import { hookResponse } from '../../src/adapters/header-commit.ts'
import { takeSnapshot } from '../../src/adapters/response-snapshot.ts'
import { type Answer, ask, listen, turns } from '../support/http-exchange.ts'
import { type Scenario, scenarios } from './held-response-scenarios.ts'

/** `bare`: Node alone. `done`: a commit that is done at once. `held`: one that takes a while. */
type Commit = 'bare' | 'done' | 'held'

interface Observation {
  readonly notes: unknown[][]
  readonly answer: unknown
  readonly commits: number
}

/** Facts that a held response cannot share with Node, and the design says so. */
const DIFFERENT: Partial<Record<string, (notes: unknown[][]) => unknown[][]>> = {
  // A write that is held returns false: how often one has to wait is not the same.
  'a large body written by hand': (notes) => [...new Set(notes.map(String))].map((one) => [one]),
}

async function observe({ method = 'GET', handle }: Scenario, commit: Commit): Promise<Observation> {
  const notes: unknown[][] = []
  let commits = 0
  const handled: Promise<unknown>[] = []
  await using target = await listen(
    http.createServer((request, response) => {
      if (commit !== 'bare') {
        hookResponse(response, {
          before: takeSnapshot(response),
          save: () => {
            commits += 1
            return commit === 'done' ? { headers: [] } : turns(3).then(() => ({ headers: [] }))
          },
          missed: () => notes.push(['missed']),
          fail: (error) => notes.push(['failed', error]),
        }).arm()
      }
      handled.push(new Promise((resolve) => response.on('close', resolve)))
      handled.push(Promise.resolve(handle(response, (...facts) => notes.push(facts), request)))
    }),
  )
  const answer = await ask(target.url, { method }).then(comparable, ({ code }) => code)
  await Promise.all(handled)
  await turns(3)
  return { notes, answer, commits }
}

function comparable({ body, text: _, ...answer }: Answer): unknown {
  const rawHeaders = answer.rawHeaders.filter((text) => !/^\w+, \d+ \w+ \d+ [\d:]+ GMT$/.test(text))
  const hash = createHash('sha256').update(body).digest('hex')
  return { ...answer, rawHeaders, headers: null, length: body.length, hash }
}

describe('a response behaves as in Node, whether its commit is done at once or takes a while', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, async () => {
      const bare = await observe(scenario, 'bare')
      for (const commit of ['done', 'held'] as const) {
        const { notes, answer, commits } = await observe(scenario, commit)
        const same = DIFFERENT[name] ?? ((notes) => notes)
        assert.deepEqual({ commit, answer }, { commit, answer: bare.answer })
        assert.deepEqual({ commit, notes: same(notes) }, { commit, notes: same(bare.notes) })
        assert.equal(commits, 1)
      }
    })
  }
})
