import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import manifest from '../../package.json' with { type: 'json' }
import { root } from '../repo/repository-files.ts'

const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
const sources = globSync('src/*.ts', { cwd: root }).map((file) => basename(file, '.ts'))

suite('the exports of package.json', () => {
  test('are exactly the top-level files of src', () => {
    const names = subpaths.map((subpath) => (subpath === '.' ? 'index' : subpath.slice(2)))
    assert.deepEqual(names.toSorted(), sources.toSorted())
  })

  test('lead to the built file and the types of the same name', () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue
      const name = subpath === '.' ? 'index' : subpath.slice(2)
      assert.deepEqual(target, {
        types: `./dist/${name}.d.ts`,
        default: `./dist/${name}.js`,
      })
    }
  })

  suite('when built', () => {
    // Below node_modules, so that the copy finds the dependencies; of its own, so that a build that
    // runs at the same time cannot disturb it.
    let consumer = ''
    let copy = ''

    before(() => {
      const cache = join(root, 'node_modules/.cache')
      mkdirSync(cache, { recursive: true })
      consumer = mkdtempSync(join(cache, 'consumer-'))
      copy = join(consumer, 'node_modules/sessile')
      mkdirSync(copy, { recursive: true })
      copyFileSync(join(root, 'package.json'), join(copy, 'package.json'))
      copyFileSync(join(root, 'scripts/smoke.mjs'), join(consumer, 'smoke.mjs'))
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      const options = ['-p', 'tsconfig.build.json', '--outDir', join(copy, 'dist')]
      const build = spawnSync(process.execPath, [compiler, ...options], { cwd: root })
      assert.equal(build.status, 0, String(build.stdout))
    })

    after(() => rmSync(consumer, { recursive: true, force: true }))

    test('can all be imported by their names', () => {
      // Without NODE_V8_COVERAGE, or the copy would count as coverage of src.
      const { NODE_V8_COVERAGE: _, ...env } = process.env
      const output = execFileSync(process.execPath, ['smoke.mjs'], { cwd: consumer, env })
      assert.match(String(output), new RegExp(`${subpaths.length} entries of sessile work`))
    })

    test('name no path of this machine in their source maps', () => {
      const maps = globSync(join(copy, 'dist/**/*.map'))
      assert.notEqual(maps.length, 0)
      for (const map of maps) assert.ok(!readFileSync(map, 'utf8').includes(root), map)
    })
  })
})
