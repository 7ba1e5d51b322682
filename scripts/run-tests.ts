// npm test [-- <files or options of `node --test`>]
// npm run test:browser [-- ...]
//
// Runs Node's own test runner on test/**/*.test.ts, or with --browser on test/browser/**. After a
// run of everything it also checks what the runner does not: that enough tests passed (a pattern
// that matches nothing is a success to Node; raise minimum-test-count.json as tests are added), that
// each skip has a reason, and that each source file was loaded (coverage is silent about the others).

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import minimumTestCount from './minimum-test-count.json' with { type: 'json' }
import type { TestReport } from './tests-report.ts'

const deadlineMs = 15 * 60_000

process.chdir(join(import.meta.dirname, '..'))
const inBrowser = process.argv.includes('--browser')
const extra = process.argv.slice(2).filter((argument) => argument !== '--browser')
const namesFiles = extra.some((argument) => !argument.startsWith('-'))
const complete = extra.length === 0

const files = namesFiles ? [] : testFiles()
const folder = mkdtempSync(join(tmpdir(), 'sessile-test-'))
const reportFile = join(folder, 'report.json')
try {
  const exitCode = runTests()
  const problems = complete && existsSync(reportFile) ? checkReport() : 0
  process.exitCode = exitCode || Math.min(problems, 1)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function runTests(): number {
  if (files.length === 0 && !namesFiles) throw new Error('There are no test files.')
  const run = spawnSync(process.execPath, nodeArguments(), {
    stdio: 'inherit',
    timeout: deadlineMs,
    // On SIGINT the runner names the files that were still running.
    killSignal: 'SIGINT',
  })
  if (run.error !== undefined) console.error(`The tests were stopped: ${run.error.message}`)
  return run.status ?? 1
}

function nodeArguments(): string[] {
  return [
    '--test',
    `--test-concurrency=${inBrowser ? 1 : 2}`,
    '--test-timeout=60000',
    ...(inBrowser ? [] : ['--test-global-setup=./test/support/global-setup.ts']),
    ...(inBrowser || !complete
      ? []
      : ['--experimental-test-coverage', '--test-coverage-include=src/**']),
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=./scripts/tests-report.ts',
    `--test-reporter-destination=${reportFile}`,
    ...extra,
    ...files,
  ]
}

function testFiles(): string[] {
  return inBrowser
    ? globSync('test/browser/**/*.test.ts')
    : globSync('test/**/*.test.ts', { exclude: ['test/browser/**'] })
}

/** Prints what the report shows, and returns the number of problems. */
function checkReport(): number {
  const report: TestReport = JSON.parse(readFileSync(reportFile, 'utf8'))
  const minimum = minimumTestCount[inBrowser ? 'browser' : 'test']
  const unloaded = inBrowser ? [] : unloadedFiles(report.loadedFiles)

  for (const { test, reason } of report.skips) console.log(`skipped: ${test}: ${reason ?? ''}`)
  const problems = [
    ...(report.passed < minimum
      ? [`Only ${report.passed} tests passed, scripts/minimum-test-count.json asks for ${minimum}.`]
      : []),
    ...report.skips.filter(({ reason }) => reason === undefined).map(noReason),
    ...report.emptyFiles.map((file) => `${file} holds no test.`),
    ...unloaded.map((file) => `No test loads ${file}, so the coverage above leaves it out.`),
  ]
  for (const problem of problems) console.error(`problem: ${problem}`)
  console.log(
    `${report.passed} tests passed (minimum ${minimum}), ${report.skips.length} skipped, ${problems.length} problems`,
  )
  return problems.length
}

function noReason({ test }: TestReport['skips'][number]): string {
  return `${test} is skipped without a reason.`
}

function unloadedFiles(loadedFiles: string[]): string[] {
  const loaded = new Set(loadedFiles.map((file) => relative('.', file)))
  return globSync('src/**/*.ts').filter((file) => !loaded.has(file) && hasCode(file))
}

/** Whether anything of the file is left when its types are gone: a file of types is never loaded. */
function hasCode(file: string): boolean {
  const code = stripTypeScriptTypes(readFileSync(file, 'utf8'))
  const comments = /\/\*[\s\S]*?\*\/|\/\/.*/g
  return (
    code
      .replace(comments, '')
      .replace(/export\s*\{\s*\}/g, '')
      .trim() !== ''
  )
}
