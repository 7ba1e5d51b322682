import { relative } from 'node:path'
import type { EventData } from 'node:test'
import type { TestEvent } from 'node:test/reporters'

/** What `scripts/run-tests.ts` has to know about a run. */
export interface TestReport {
  passed: number
  /** Tests marked `skip` or `todo`: neither can fail. */
  skips: { test: string; reason: string | undefined }[]
  /** Files that hold no test at all: Node counts each as one that passed. */
  emptyFiles: string[]
  /** Absolute paths of the source files that the tests loaded, when coverage was on. */
  loadedFiles: string[]
}

/** A reporter for `node --test`: writes one `TestReport` as JSON when everything has run. */
export default async function* testReport(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string> {
  const report: TestReport = { passed: 0, skips: [], emptyFiles: [], loadedFiles: [] }
  for await (const { type, data } of events) {
    if (type === 'test:coverage') {
      report.loadedFiles = data.summary.files.map((file) => file.path)
    } else if (type === 'test:pass' || type === 'test:fail') {
      const mark = data.skip ?? data.todo
      const isFile = data.nesting === 0 && data.entryFile === undefined
      if (mark !== undefined) report.skips.push({ test: titleOf(data), reason: reasonOf(mark) })
      else if (type === 'test:pass' && isFile) report.emptyFiles.push(data.name)
      else if (type === 'test:pass' && data.details.type !== 'suite') report.passed += 1
    }
  }
  yield JSON.stringify(report)
}

function titleOf({ entryFile: file, name }: EventData.TestPass | EventData.TestFail): string {
  return file === undefined ? name : `${relative(process.cwd(), file)}: ${name}`
}

function reasonOf(mark: string | boolean): string | undefined {
  return typeof mark === 'string' && mark !== '' ? mark : undefined
}
