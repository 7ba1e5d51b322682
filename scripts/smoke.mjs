// Imports every entry of the built package by its own name, as an application would, and carries a
// session from one request to the next in each store that needs no service. Plain JavaScript: it runs
// on the oldest supported Node too (`npm run test:nodes`), which does not run TypeScript.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const { exports } = createRequire(import.meta.url)('sessile/package.json')
const entries = Object.keys(exports).filter((entry) => entry !== './package.json')
assert.ok(entries.length > 0)

for (const entry of entries) {
  const name = entry.replace('.', 'sessile')
  const imported = await import(name)
  assert.notEqual(Object.keys(imported).length, 0, `${name} exports nothing`)
}

const { createSessions } = await import('sessile')
const { memoryStore } = await import('sessile/memory')
const { sqliteStore } = await import('sessile/sqlite')
const { withSessions } = await import('sessile/fetch')

for (const store of [memoryStore(), sqliteStore(':memory:')]) {
  const sessions = createSessions({ store })
  const visit = withSessions(sessions, (_request, session) =>
    Response.json(session.update('visits', (visits = 0) => visits + 1)),
  )
  const url = 'https://example.com/'
  const first = await visit(new Request(url))
  assert.equal(await first.json(), 1)
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const second = await visit(new Request(url, { headers: { cookie } }))
  assert.equal(await second.json(), 2)
  await sessions.close()
}

console.log(`node ${process.versions.node}: ${entries.length} entries of sessile work`)
