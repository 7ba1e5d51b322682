import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { repositoryFiles, root } from './repository-files.ts'

const folders = ['work', 'root', 'Users'].join('|')
const machinePath = new RegExp(`(?<![\\w.*-])/(?:${folders})/`)
const registryHost = new RegExp(['registry', 'npmjs', '(?:org|com)'].join('\\.'))

// Under `npm run` this is the registry of the machine, whatever it is.
const ownRegistry = URL.parse(process.env['npm_config_registry'] ?? '')?.host ?? ''

suite('a clone works on any machine, because', () => {
  const files = repositoryFiles().map((path) => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }))

  test('no file names a path of one machine', () => {
    assert.deepEqual(namesOf(files.filter(({ text }) => machinePath.test(text))), [])
  })

  test('no file names the host of a package registry', () => {
    const named = files.filter(
      ({ text }) => registryHost.test(text) || (ownRegistry !== '' && text.includes(ownRegistry)),
    )
    assert.deepEqual(namesOf(named), [])
  })

  test('no lock file says where a package was downloaded from', () => {
    const locks = files.filter(({ path }) => path.endsWith('package-lock.json'))
    assert.notEqual(locks.length, 0)
    assert.deepEqual(namesOf(locks.filter(({ text }) => text.includes('"resolved"'))), [])
  })
})

function namesOf(files: { path: string }[]): string[] {
  return files.map(({ path }) => path)
}
