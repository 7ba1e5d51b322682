// node test/browser/support/take-demo-screenshot.ts
//
// Takes docs/images/demo.png, the picture in the README, anew. Make it smaller afterwards:
// pngquant --quality 90-100 --speed 1 --force --ext .png docs/images/demo.png

import { join } from 'node:path'
import { DemoProcess } from './demo-process.ts'
import { DemoVisitor } from './demo-visitor.ts'
import { launchChromium } from './launch.ts'

const picture = join(import.meta.dirname, '../../../docs/images/demo.png')

await using demo = await DemoProcess.start()
const browser = await launchChromium()
try {
  await using phone = await DemoVisitor.open(browser, demo.url, {
    userAgent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  })
  await using laptop = await DemoVisitor.open(browser, demo.url, {
    viewport: { width: 1280, height: 900 },
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  })
  await phone.logIn('Ada')
  await laptop.logIn('Ada')
  for (const item of ['Barnacle mug', 'Coral notebook', 'Coral notebook']) {
    await laptop.press(`Add one ${item}`)
  }
  await laptop.go()
  // Until the marks of what has changed are gone.
  await laptop.page.waitForTimeout(4000)
  await laptop.page.screenshot({ path: picture, fullPage: true })
} finally {
  await browser.close()
}
