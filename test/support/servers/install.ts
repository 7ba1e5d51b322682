import { spawnSync } from 'node:child_process'
import { existsSync, globSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A server that tests use: its program, the Debian package that has it, and where it may be. */
export interface ServerProgram {
  readonly names: readonly string[]
  readonly debianPackage: string
  /** Patterns of folders that are searched before those of PATH; the last match comes first. */
  readonly folders?: readonly string[]
}

/** The path of the program; `undefined` if it is not on this machine. */
export function findProgram({ names, folders = [] }: ServerProgram): string | undefined {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const searched = [...folders.flatMap((pattern) => byVersion(pattern)), ...path, '/usr/sbin']
  return searched
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file))
}

function byVersion(pattern: string): string[] {
  const versionOf = (folder: string) => Number(/\d+/.exec(folder)?.[0] ?? 0)
  return globSync(pattern).sort((a, b) => versionOf(b) - versionOf(a))
}

/** What somebody has to type who is asked to install these himself. */
export function installCommand(programs: readonly ServerProgram[]): string {
  const names = programs.map(({ debianPackage }) => debianPackage)
  return `apt-get update && apt-get install --no-install-recommends ${names.join(' ')}`
}

/**
 * Installs what is missing from Debian, if this machine is a container in which that bothers nobody.
 * Whether it worked is for the caller to see.
 */
export function installMissing(programs: readonly ServerProgram[]): void {
  const missing = programs.filter((program) => findProgram(program) === undefined)
  if (missing.length === 0 || !isDisposableDebian()) return
  console.log(`Installing from Debian: ${missing.map((each) => each.debianPackage).join(', ')}`)
  withoutStartingServices(() => {
    aptGet('update')
    const names = missing.map(({ debianPackage }) => debianPackage)
    aptGet('install', '--yes', '--no-install-recommends', ...names)
  })
}

function isDisposableDebian(): boolean {
  return (
    process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && !existsSync('/run/systemd/system')
  )
}

function aptGet(...args: string[]): void {
  const { status, error, stdout, stderr } = spawnSync(
    'apt-get',
    ['--quiet', '-o', 'DPkg::Lock::Timeout=120', ...args],
    { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 5 * 60_000 },
  )
  if (status === 0) return
  console.error(`apt-get ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`)
  console.error(String(stdout).slice(-1000), String(stderr).slice(-1000))
}

// https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt: 101 forbids every action.
const POLICY = '/usr/sbin/policy-rc.d'

function withoutStartingServices(install: () => void): void {
  const ours = !existsSync(POLICY)
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    install()
  } finally {
    if (ours) rmSync(POLICY, { force: true })
  }
}
