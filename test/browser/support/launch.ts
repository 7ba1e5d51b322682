import type { Browser } from 'playwright-core'
import { chromium, firefox } from 'playwright-core'
import type { BrowserName } from './find-browser.ts'
import { findBrowser } from './find-browser.ts'

const timeout = 60_000

/** Starts the machine's Chromium without a window. Close it in the test's `after`. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: executableOf('chromium'),
    timeout,
    args: [
      // Chromium refuses to start as root with its sandbox, and CI is often root. It only ever
      // opens pages of this repository's own servers.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/**
 * Starts the machine's Firefox without a window. Close it in the test's `after`.
 *
 * Playwright's own protocol needs Playwright's patched Firefox. The channel `moz-firefox` drives an
 * unpatched one over WebDriver BiDi instead. It is young: from 1.65.0 on `newContext()` sends
 * `emulation.setMediaFeaturesOverride`, which Firefox ESR 153 does not know, so package.json pins
 * playwright-core to the version before.
 */
export function launchFirefox(): Promise<Browser> {
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: executableOf('firefox'),
    timeout,
    firefoxUserPrefs: {
      // A page restored from the back-forward cache fires no `load`, which `page.goBack()` awaits.
      'browser.sessionhistory.max_total_viewers': 0,
      'datareporting.policy.dataSubmissionEnabled': false,
      'toolkit.telemetry.enabled': false,
    },
  })
}

function executableOf(name: BrowserName): string {
  const path = findBrowser(name)
  if (path === undefined) {
    throw new Error(`${name} is not installed: run node scripts/install-browsers.ts`)
  }
  return path
}
