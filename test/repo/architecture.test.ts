import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import manifest from '../../package.json' with { type: 'json' }
import type { SourceFile } from './import-rules.ts'
import { brokenEntryRules, brokenImportRules } from './import-rules.ts'
import { repositoryFiles, root } from './repository-files.ts'

const maximumLines = 400
const packages = Object.keys(manifest.dependencies)
const codeFolders = /^(?:src|test|examples|scripts|bench)\//
const files = repositoryFiles()
const code = files.filter((path) => codeFolders.test(path) && /\.[cm]?[jt]s$/.test(path))
const sources = files.filter((path) => /^src\/.*\.ts$/.test(path)).map(read)
const entries = sources.filter(({ path }) => path.split('/').length === 2)

test('files of src import only what their folder may import', () => {
  assert.ok(sources.length > 0)
  assert.deepEqual(
    sources.flatMap((source) => brokenImportRules(source, packages)),
    [],
  )
})

test('each top-level file of src documents its import path and only re-exports', () => {
  assert.ok(entries.length > 0)
  assert.deepEqual(entries.flatMap(brokenEntryRules), [])
})

test(`no file of code has more than ${maximumLines} lines`, () => {
  const long = code.filter((path) => read(path).text.split('\n').length - 1 > maximumLines)
  assert.deepEqual(long, [])
})

test('files and folders of code have kebab-case names', () => {
  const kebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/
  const named = code.filter((path) => !path.split('/').every((name) => kebab.test(name)))
  assert.deepEqual(named, [])
})

suite('the import rules', () => {
  const refused: [path: string, text: string][] = [
    ['src/core/a.ts', "import { x } from '../stores/memory/memory-store.ts'"],
    ['src/core/a.ts', "import type { x } from '../adapters/node.ts'"],
    ['src/core/a.ts', "import express from 'express'"],
    ['src/core/a.ts', "import 'better-sqlite3'"],
    ['src/core/a.ts', "import {\n  x,\n  y,\n} from 'pg'"],
    ['src/core/a.ts', "export * from '../index.ts'"],
    ['src/core/a.ts', "const x = await import('pg')"],
    ['src/core/a.ts', 'const x = await import(name)'],
    ['src/core/a.ts', "type Pool = import('pg').Pool"],
    ['src/stores/memory/a.ts', "import { x } from '../sqlite/sqlite-schema.ts'"],
    ['src/adapters/a.ts', "import { x } from '../stores/sql/a.ts'"],
    ['src/flask/a.ts', "import { x } from '../testing/manual-clock.ts'"],
    ['src/testing/a.ts', "import { x } from '../memory.ts'"],
    ['src/other/a.ts', ''],
  ]
  for (const [path, text] of refused) {
    test(`refuse ${JSON.stringify(text)} in ${path}`, () => {
      assert.equal(brokenImportRules({ path, text }, packages).length, 1)
    })
  }

  const allowed: [path: string, text: string][] = [
    ['src/core/a.ts', "import { x } from './b.ts'\nimport { parse } from 'cookie'"],
    ['src/core/a.ts', "/**\n * import { x } from 'pg'\n * import('pg')\n */\nexport const a = 1"],
    ['src/stores/sqlite/a.ts', "import { x } from '../sql/b.ts'\nimport fs from 'node:fs'"],
    ['src/testing/cases/a.ts', "import { x } from '../../core/b.ts'"],
  ]
  for (const [path, text] of allowed) {
    test(`allow ${JSON.stringify(text)} in ${path}`, () => {
      assert.deepEqual(brokenImportRules({ path, text }, packages), [])
    })
  }

  const module = '/**\n * A title.\n *\n * @module sessile/a\n */\n'
  const refusedEntries = [
    "export { x } from './core/x.ts'\n",
    `${module}export const x = 1\n`,
    `${module}import { x } from './core/x.ts'\nexport { x }\n`,
    `${module}export { x } from './core/x.ts'\nsideEffect()\n`,
    `${module.replace('/a', '/b')}export { x } from './core/x.ts'\n`,
  ]
  for (const text of refusedEntries) {
    test(`refuse the entry ${JSON.stringify(text)}`, () => {
      assert.equal(brokenEntryRules({ path: 'src/a.ts', text }).length, 1)
    })
  }
})

function read(path: string): SourceFile {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}
