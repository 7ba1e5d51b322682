import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { memoryStore } from '../../src/memory.ts'
import { storeConformance } from '../../src/testing.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

/** The code blocks of a page by the file name in their first line. */
function filesIn(markdown: string): Map<string, string> {
  const blocks = markdown.matchAll(/^```ts\n(\/\/ (\S+\.ts)\n.*?)^```$/gms)
  return new Map([...blocks].map(([, code = '', name = '']) => [name, code]))
}

/** The page imports the package; its code is checked against the sources. */
function onSources(code: string): string {
  return code
    .replaceAll("from 'sessile'", `from '${join(root, 'src/index.ts')}'`)
    .replaceAll(/from 'sessile\/(\w+)'/g, (_, entry) => `from '${join(root, 'src', entry)}.ts'`)
}

suite('the store in docs/writing-a-store.md', () => {
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'writing-a-store-'))
    const files = filesIn(await readFile(join(root, 'docs/writing-a-store.md'), 'utf8'))
    assert.deepEqual([...files.keys()], ['json-file-store.ts', 'json-file-store.test.ts'])
    for (const [name, code] of files) await writeFile(join(folder, name), onSources(code))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    const configuration = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules/@types')] },
      include: ['*.ts'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(configuration))
  })

  after(() => rm(folder, { recursive: true }))

  test('has no type errors', async () => {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    await run(process.execPath, [compiler, '--project', folder]).catch(({ stdout }) => {
      assert.fail(stdout)
    })
  })

  test('passes the store conformance suite, with the test that the page shows', async () => {
    // Without NODE_TEST_CONTEXT: the inner test runner must not think that it is part of this one.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env
    const { stdout } = await run(
      process.execPath,
      ['--test', '--test-reporter=tap', join(folder, 'json-file-store.test.ts')],
      { env: environment, maxBuffer: 16 * 1024 * 1024 },
    ).catch(({ stdout }) => assert.fail(stdout))
    const count = storeConformance({ open: memoryStore }).length
    assert.match(stdout, new RegExp(`^# pass ${count}$`, 'm'))
  })
})
