// Imports every entry of the built package by its own name, as an application would, and opens a
// session with each part that needs no service. Plain JavaScript: it runs on the oldest supported
// Node too (`npm run test:nodes`), which does not run TypeScript.

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

console.log(`node ${process.versions.node}: ${entries.length} entries of sessile work`)
