// npm run test:nodes
//
// Runs scripts/smoke.mjs against the built package on the oldest Node of each supported line. Each
// Node comes from the npm package `node`, and stays in node_modules/.cache until the next `npm ci`.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const versions = ['22.13.0', '24.0.0']
const root = join(import.meta.dirname, '..')

for (const version of versions) run(install(version), ['scripts/smoke.mjs'], root)
run(process.execPath, ['scripts/smoke.mjs'], root)

function install(version: string): string {
  const folder = join(root, 'node_modules/.cache', `node-${version}`)
  const executable = join(folder, 'node_modules/node/bin/node')
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true })
    const manifest = { dependencies: { node: version }, allowScripts: { node: true } }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    run('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder], folder)
  }
  return executable
}

function run(command: string, args: string[], cwd: string): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit', timeout: 300_000 })
  if (status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`,
    )
  }
}
