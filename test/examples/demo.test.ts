import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { livePanels, span, timeLeft } from '../../examples/demo/panels.ts'
import { DemoProcess } from '../browser/support/demo-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let demo: DemoProcess

before(async () => {
  demo = await DemoProcess.start()
})

after(() => demo[Symbol.asyncDispose]())

/** A browser without JavaScript: it keeps the cookie and sends forms. */
class Visitor {
  cookie: string | undefined
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  get id(): string {
    return this.cookie?.split(/[=.]/)[1] ?? ''
  }

  get secret(): string {
    return this.cookie?.split(/[=.]/)[2] ?? ''
  }

  async get(path: string): Promise<Response & { readonly html: string }> {
    return this.#send(path, {})
  }

  /** Sends a form as the page at `from` has it: with its token. */
  async post(path: string, fields: Record<string, string> = {}, from = '/') {
    const { html } = await this.get(from)
    const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? ''
    return this.postWithoutToken(path, { csrf, ...fields })
  }

  async postWithoutToken(path: string, fields: Record<string, string> = {}) {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields) })
  }

  async logIn(name: string): Promise<Response> {
    return this.post('/login', { name }, '/login')
  }

  async #send(path: string, init: RequestInit): Promise<Response & { readonly html: string }> {
    const headers: Record<string, string> = this.cookie === undefined ? {} : { cookie: this.cookie }
    const response = await fetch(this.#url + path, { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';')
      this.cookie = pair.endsWith('=') ? undefined : pair
    }
    return Object.assign(response, { html: await response.text() })
  }
}

describe('a visitor of the demo', () => {
  test('who does nothing leaves no row and gets no cookie', async () => {
    const rowsBefore = demo.rowCount()
    const visitor = new Visitor(demo.url)
    const page = await visitor.get('/')
    assert.equal(page.status, 200)
    assert.match(page.html, /No cookie\..*No row\./s)
    assert.deepEqual(page.headers.getSetCookie(), [])
    assert.equal(demo.rowCount(), rowsBefore)
  })

  test('keeps id and cart of the guest at the login, and gets a new secret', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.get('/guest')
    await visitor.post('/cart/add', { item: 'coral' })
    const { id, secret } = visitor
    await visitor.logIn('Ada')
    assert.equal(visitor.id, id)
    assert.notEqual(visitor.secret, secret)
    const { html } = await visitor.get('/')
    assert.match(html, /Hello, Ada/)
    assert.match(html, /id="count-coral">.*?1<\/span>/s)
  })

  test('whose form has no token is refused, and nothing changes', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Ada')
    const stored = demo.row(visitor.id)
    for (const csrf of ['', 'x', 'A'.repeat(86)]) {
      const response = await visitor.postWithoutToken('/cart/add', { item: 'coral', csrf })
      assert.equal(response.status, 403)
    }
    assert.deepEqual(demo.row(visitor.id), stored)
  })

  test('sees every message once', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Grace')
    assert.match((await visitor.get('/')).html, /You are logged in as Grace/)
    assert.doesNotMatch((await visitor.get('/')).html, /You are logged in as Grace/)
  })

  test('may have a name that looks like HTML', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn(`<script>alert("1")</script>'&`)
    const { html } = await visitor.get('/')
    assert.doesNotMatch(html, /<script>alert/)
    assert.match(html, /Hello, &#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62;&#39;&#38;/)
  })

  test('must have a name', async () => {
    const visitor = new Visitor(demo.url)
    for (const name of ['', '   ', 'x'.repeat(41), 'a\u0007b']) {
      const response = await visitor.logIn(name)
      assert.equal(response.headers.get('location'), '/login')
      assert.match((await visitor.get('/login')).html, /Please give a name/)
    }
    assert.equal(demo.row(visitor.id)?.['principal'], null)
  })

  test('is remembered only when asked for', async () => {
    const visitor = new Visitor(demo.url)
    const asked = await visitor.post('/login', { name: 'Ada', permanent: 'on' }, '/login')
    assert.match(asked.headers.getSetCookie().join(), /Max-Age=604\d{3}; Path=\/; HttpOnly/)
    const forgotten = await visitor.post('/permanent', { permanent: 'off' })
    assert.doesNotMatch(forgotten.headers.getSetCookie().join(), /Max-Age/)
    assert.equal(demo.row(visitor.id)?.['idle_timeout'], 120_000)
  })

  test('leaves neither cookie nor row after the logout', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Ada')
    const { id } = visitor
    await visitor.post('/logout')
    assert.equal(visitor.cookie, undefined)
    assert.equal(demo.row(id), undefined)
  })

  test('can revoke a device of their own, and nobody else’s', async () => {
    const [phone, laptop, stranger] = [1, 2, 3].map(() => new Visitor(demo.url)) as [
      Visitor,
      Visitor,
      Visitor,
    ]
    await phone.logIn('Linus')
    await laptop.logIn('Linus')
    await stranger.logIn('Mallory')
    await stranger.post('/devices/revoke', { id: phone.id })
    assert.match((await stranger.get('/')).html, /You have no such device/)
    assert.match((await phone.get('/')).html, /Hello, Linus/)

    await laptop.post('/devices/revoke', { id: phone.id })
    assert.match((await phone.get('/')).html, /Your session has ended/)
    assert.match((await laptop.get('/')).html, /Hello, Linus/)
    assert.match((await stranger.get('/')).html, /Hello, Mallory/)
  })

  test('whose session has ended changes nothing and begins no new one', async () => {
    const [phone, laptop] = [new Visitor(demo.url), new Visitor(demo.url)] as const
    await phone.logIn('Edsger')
    await laptop.logIn('Edsger')
    await laptop.post('/devices/revoke-others')
    const rowsBefore = demo.rowCount()
    const response = await phone.postWithoutToken('/cart/add', { item: 'coral' })
    assert.equal(response.headers.get('location'), '/')
    assert.deepEqual(response.headers.getSetCookie(), [])
    assert.equal(demo.rowCount(), rowsBefore)
  })
})

describe('the live panels of the demo', () => {
  test('are no use of the session: they move no deadline and send no cookie', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Ada')
    await visitor.get('/')
    const stored = demo.row(visitor.id)
    const answer = await visitor.get('/live')
    assert.equal(answer.headers.get('set-cookie'), null)
    assert.match(answer.html, new RegExp(String(stored?.['secret_hash'])))
    assert.deepEqual(demo.row(visitor.id), stored)
  })

  test('show a row only to who has its secret', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Ada')
    const stranger = new Visitor(demo.url)
    stranger.cookie = `sessile-demo=${visitor.id}.${'A'.repeat(43)}`
    const { html } = await stranger.get('/live')
    assert.match(html, /No row/)
    assert.doesNotMatch(html, /sha256|Ada/)
  })

  test('never show the secret as something that the server holds', async () => {
    const visitor = new Visitor(demo.url)
    await visitor.logIn('Ada')
    const { panels } = JSON.parse((await visitor.get('/live')).html) as {
      panels: Record<'browser' | 'server', string>
    }
    assert.ok(panels.browser.includes(visitor.secret))
    assert.ok(!panels.server.includes(visitor.secret))
    assert.ok(!JSON.stringify(demo.row(visitor.id)).includes(visitor.secret))
  })
})

describe('what the demo shows of time', () => {
  test('tells an expired row, which is still in the table, from one that is gone', () => {
    const now = 1_000_000
    const cookie = { id: 'an id', secret: 'a secret' }
    const row = { id: 'an id', last_seen_at: 0, idle_timeout: 1, expires_at: now + 1 }
    const panelsOf = (expiresAt: number) =>
      livePanels({ cookie, row: { ...row, expires_at: expiresAt }, now })
    assert.equal(panelsOf(now + 1).state, 'live')
    assert.equal(panelsOf(now).state, 'ended')
    assert.match(panelsOf(now).panels.server, /Expired.*expires_at/s)
    const gone = livePanels({ cookie, row: null, now })
    assert.equal(gone.state, 'ended')
    assert.match(gone.panels.server, /No row/)
    assert.equal(livePanels({ cookie: null, row: null, now }).state, 'none')
  })

  test('has units that fit', () => {
    assert.deepEqual([0, 9001, 119_999, 3_599_000].map(timeLeft), ['0:00', '0:10', '2:00', '59:59'])
    assert.deepEqual([3_600_000, 8_640_000].map(timeLeft), ['1 h', '2 h 24 min'])
    assert.deepEqual([12, 120, 86_400, 604_799].map(span), ['12 s', '2 min', '1 d', '6 d 23 h'])
  })
})

describe('the process of the demo', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`ends cleanly on ${signal}, and its sessions survive`, async (t) => {
      const folder = await temporaryFolder(t)
      const first = await DemoProcess.start({ folder })
      const visitor = new Visitor(first.url)
      await visitor.logIn('Ada')
      assert.deepEqual(await first.stop(signal), { code: 0, errors: '' })

      await using second = await DemoProcess.start({ folder, port: first.port })
      assert.equal(second.url, first.url)
      assert.match((await visitor.get('/')).html, /Hello, Ada/)
    })
  }

  test('says in one line that its port is taken, or is none', async (t) => {
    const folder = await temporaryFolder(t)
    const taken = await DemoProcess.failToStart({ folder, port: demo.port })
    assert.equal(taken.code, 1)
    assert.match(taken.errors, /^Port \d+ cannot be used: it is taken\. .*PORT=3001 npm start\n$/)
    const none = await DemoProcess.failToStart({ folder, port: 70_000 })
    assert.equal(none.code, 1)
    assert.match(none.errors, /^Port 70000 cannot be used: it is no port number\. .*\n$/)
  })
})
