// Sees to it that the browsers of `npm run test:browser` are there, before it runs.
//
// As root in a container (no systemd), which is what CI is, the missing ones are installed from
// Debian. On anyone's own machine nothing is installed: this prints the command to do so, and the
// tests of the missing browser are skipped. With CI=true a missing browser is a failure.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { BrowserName } from '../test/browser/support/find-browser.ts'
import { findBrowser } from '../test/browser/support/find-browser.ts'

const packages: Record<BrowserName, string> = { chromium: 'chromium', firefox: 'firefox-esr' }
const names: BrowserName[] = ['chromium', 'firefox']

if (missingPackages().length > 0 && isDisposableDebian()) install(missingPackages())

const missing = missingPackages()
for (const name of names) console.log(`${name}: ${findBrowser(name) ?? 'missing'}`)
if (missing.length > 0) {
  console.error(
    `To install: apt-get install --no-install-recommends ${missing.join(' ')}\nUntil then their tests are skipped.`,
  )
  if (process.env['CI'] === 'true') process.exitCode = 1
}

function missingPackages(): string[] {
  return names.filter((name) => findBrowser(name) === undefined).map((name) => packages[name])
}

function isDisposableDebian(): boolean {
  return (
    process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && !existsSync('/run/systemd/system')
  )
}

function install(names: string[]): void {
  aptGet('update')
  aptGet('install', '--yes', '--no-install-recommends', ...names)
}

function aptGet(...args: string[]): void {
  const { status, error } = spawnSync(
    'apt-get',
    ['--quiet', '-o', 'DPkg::Lock::Timeout=120', ...args],
    {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: 5 * 60_000,
    },
  )
  if (status !== 0) {
    console.error(`apt-get ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`)
  }
}
