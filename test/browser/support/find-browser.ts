import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export type BrowserName = 'chromium' | 'firefox'

const commands: Record<BrowserName, string[]> = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  firefox: ['firefox-esr', 'firefox'],
}

/** The path of the browser's executable, if PATH leads to one. */
export function findBrowser(name: BrowserName): string | undefined {
  const folders = process.env['PATH']?.split(delimiter) ?? []
  return commands[name]
    .flatMap((command) => folders.map((folder) => join(folder, command)))
    .find(isExecutable)
}

/** For a test's `skip` option: the reason when the browser is missing, otherwise false. */
export function skipWithout(name: BrowserName): string | false {
  return findBrowser(name) === undefined && `${name} is not installed on this machine`
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
