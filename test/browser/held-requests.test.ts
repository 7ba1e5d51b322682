import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { skipWithout } from './support/find-browser.ts'
import { deeds, HeldServer } from './support/held-server.ts'
import { launchChromium } from './support/launch.ts'

// Browsers replace cookies by name, whichever request an answer belongs to. So what counts is what a
// real browser holds when all answers have arrived.
describe('a request that is held open', { skip: skipWithout('chromium') }, () => {
  let browser: Browser

  before(async () => {
    browser = await launchChromium()
  })

  after(() => browser?.close())

  interface Tab extends AsyncDisposable {
    readonly server: HeldServer
    /** @returns the status of the answer. */
    post(path: string): Promise<number>
    /** Whose session the browser has; empty if nobody's. */
    principal(): Promise<string>
    token(): Promise<string | undefined>
  }

  async function openTab(): Promise<Tab> {
    const server = await HeldServer.start()
    const context: BrowserContext = await browser.newContext()
    const page: Page = await context.newPage()
    await page.goto(`${server.url}/page`)
    return {
      server,
      post: (path) =>
        page.evaluate(`fetch('${path}', { method: 'POST' }).then(({ status }) => status)`),
      principal: () => page.evaluate("fetch('/me').then((answer) => answer.text())"),
      async token() {
        const cookies = await context.cookies(server.url)
        return cookies.find(({ name }) => name === 'session')?.value
      },
      async [Symbol.asyncDispose]() {
        await context.close()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  /** What happens while the request is held; each leaves the browser logged in. */
  const meanwhile = {
    'a logout and a new login': async ({ post }: Tab) => {
      await post('/logout')
      await post('/login')
    },
    'a revocation and a new login': async ({ post, server }: Tab) => {
      await server.sessions.revokeAll('ada')
      await post('/login')
    },
    'another login': ({ post }: Tab) => post('/login'),
    'a rotation': ({ post }: Tab) => post('/rotate'),
    'a rotation, a logout and a new login': async ({ post }: Tab) => {
      await post('/rotate')
      await post('/logout')
      await post('/login')
    },
  }

  for (const [event, happen] of Object.entries(meanwhile)) {
    test(`leaves the cookie of ${event} alone, whatever it does`, async () => {
      await inTabs(deeds, async (tab, deed) => {
        await tab.post('/login')
        await assertCookieStays(tab, `/held/${deed}?use=early`, () => happen(tab))
      })
    })
  }

  for (const event of ['another login', 'a rotation'] as const) {
    test(`leaves the cookie of ${event} alone, although it looks at its session only then`, async () => {
      await inTabs(deeds, async (tab, deed) => {
        await tab.post('/login')
        await assertCookieStays(tab, `/held/${deed}?use=late`, () => meanwhile[event](tab))
      })
    })
  }

  test('leaves the cookie of a login alone if it belongs to the guest before', async () => {
    await inTabs(deeds, async (tab, deed) => {
      await tab.post('/guest')
      await assertCookieStays(tab, `/held/${deed}?use=early`, () => tab.post('/login'))
    })
  })

  test('does not bring back what a logout ended, whatever it does', async () => {
    await inTabs(deeds, async (tab, deed) => {
      await tab.post('/login')
      const held = tab.post(`/held/${deed}?use=early&gate=held`)
      await tab.server.reached('held')
      await tab.post('/logout')
      tab.server.open('held')
      assert.equal(await held, 204, deed)
      assert.equal(await tab.token(), undefined, deed)
      assert.equal(await tab.principal(), '', deed)
      assert.equal(await tab.server.sessions.count(), 0, deed)
    })
  })

  async function inTabs<T>(cases: readonly T[], run: (tab: Tab, one: T) => Promise<void>) {
    await Promise.all(
      cases.map(async (one) => {
        await using tab = await openTab()
        await run(tab, one)
      }),
    )
  }

  async function assertCookieStays(tab: Tab, path: string, happen: () => Promise<unknown>) {
    const held = tab.post(`${path}&gate=held`)
    await tab.server.reached('held')
    await happen()
    const token = await tab.token()
    assert.ok(token)
    tab.server.open('held')
    assert.equal(await held, 204, path)
    assert.equal(await tab.token(), token, path)
    assert.equal(await tab.principal(), 'ada', path)
  }

  describe('and logs in, twice at once,', () => {
    for (const start of ['with no session', 'as a guest', 'logged in'] as const) {
      for (const order of [
        ['one', 'two'],
        ['two', 'one'],
      ] as const) {
        test(`leaves the visitor logged in, ${start}, when “${order[0]}” is answered first`, async () => {
          await using tab = await openTab()
          if (start === 'as a guest') await tab.post('/guest')
          if (start === 'logged in') await tab.post('/login')
          const logins = {
            one: tab.post('/login?before=before-one&after=one'),
            two: tab.post('/login?before=before-two&after=two'),
          }
          // Both have seen the session as it was before either login.
          await Promise.all(['before-one', 'before-two'].map((gate) => tab.server.reached(gate)))
          for (const name of ['one', 'two']) {
            tab.server.open(`before-${name}`)
            await tab.server.reached(name)
          }
          for (const name of order) {
            tab.server.open(name)
            assert.equal(await logins[name], 204)
            assert.equal(await tab.principal(), 'ada')
          }
        })
      }
    }
  })
})
