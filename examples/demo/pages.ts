import type { FlashMessage, SessionInfo } from 'sessile'
import { type Html, type HtmlPart, html } from './html.ts'
import type { Inspection } from './inspector.ts'
import { browserPanel, deadlinesPanel, serverPanel, span, stateOf } from './panels.ts'
import { type Cart, catalogue } from './shop.ts'

export interface Dashboard {
  readonly id: string | null
  readonly principal: string | null
  readonly permanent: boolean
  readonly visits: number
  readonly cart: Cart
  readonly devices: readonly SessionInfo[]
  readonly flashes: readonly FlashMessage[]
  readonly csrf: string
}

/** The page of somebody who has a session, logged in or not. */
export function dashboardPage(page: Dashboard, inspection: Inspection): string {
  const name = page.principal ?? 'guest'
  const main = html`
    <section class="card" aria-labelledby="title">
      <h1 id="title">Hello, ${name}</h1>
      ${flashes(page, 'message')}
      <p>
        You have seen <strong id="visits">${page.visits}</strong>
        ${page.visits === 1 ? 'page' : 'pages'} in this session.
      </p>
      <p class="call"><code>session.update('visits', (n = 0) => n + 1)</code></p>
      <div id="deadlines">${deadlinesPanel(inspection)}</div>
      <div class="actions">
        ${permanentForm(page)}
        ${postForm(page, '/rotate', html`<button>New secret <code>rotate()</code></button>`)}
        ${postForm(page, '/logout', html`<button>Log out <code>destroy()</code></button>`)}
      </div>
    </section>
    ${cartCard(page)} ${devicesCard(page)}
  `
  return layout({ title: `Hello, ${name}`, user: page.principal, main, inspection })
}

function permanentForm(page: Dashboard): Html {
  const [value, text] = page.permanent
    ? ['off', 'Forget this browser']
    : ['on', 'Remember this browser']
  const call = html`<code>permanent = ${String(!page.permanent)}</code>`
  const button = html`<button name="permanent" value="${value}">${text} ${call}</button>`
  return postForm(page, '/permanent', button)
}

function cartCard(page: Dashboard): Html {
  const total = catalogue.reduce((sum, { id, price }) => sum + price * (page.cart[id] ?? 0), 0)
  const items = catalogue.map(({ id, name, price }) => {
    const count = page.cart[id] ?? 0
    const field = html`<input type="hidden" name="item" value="${id}" />`
    const remove = html`${field}<button aria-label="Remove one ${name}">−</button>`
    const add = html`${field}<button aria-label="Add one ${name}">+</button>`
    return html`<li>
      <span class="what">${name} <span class="price">€ ${price}</span></span>
      ${count > 0 && postForm(page, '/cart/remove', remove)}
      <span class="count" id="count-${id}"><span class="hidden">In the cart: </span>${count}</span>
      ${postForm(page, '/cart/add', add)}
    </li>`
  })
  return html`<section class="card" id="cart" aria-labelledby="cart-title">
    <h2 id="cart-title">Cart</h2>
    ${flashes(page, 'cart')}
    <ul class="items">
      ${items}
    </ul>
    <p class="total">Total <strong>€ ${total}</strong></p>
    <p class="call"><code>session.update('cart', (cart) => changeCart(cart, …))</code></p>
    <p class="note">In two tabs at once? It is atomic: no click is lost.</p>
  </section>`
}

function devicesCard(page: Dashboard): Html {
  const { principal, devices, id } = page
  if (principal === null) {
    return html`<section class="card" id="devices" aria-labelledby="devices-title">
      <h2 id="devices-title">Your devices</h2>
      <p>Log in to see where else you are logged in.</p>
      <p><a class="button primary" href="/login">Log in</a></p>
    </section>`
  }
  const items = devices.map((device) => deviceItem(page, device))
  const others = devices.filter((device) => device.id !== id)
  return html`<section class="card" id="devices" aria-labelledby="devices-title">
    <h2 id="devices-title">Your devices</h2>
    ${flashes(page, 'devices')}
    <p class="call"><code>await sessions.list(principal)</code></p>
    <ul class="devices">
      ${items}
    </ul>
    ${
      others.length > 0
        ? postForm(page, '/devices/revoke-others', html`<button>Log out all others</button>`)
        : html`<p class="note">
            Log in as ${principal} in a private window, too, and reload this page: it appears here.
          </p>`
    }
  </section>`
}

function deviceItem(page: Dashboard, device: SessionInfo): Html {
  const name = deviceName(device.userAgent ?? '')
  const seen = span(Math.max(0, Date.now() - device.lastSeenAt) / 1000)
  const revoke = html`<input type="hidden" name="id" value="${device.id}" />
    <button aria-label="Log out ${name}, last seen ${seen} ago">Log out</button>`
  return html`<li>
    <span class="what">
      ${name}
      <span class="seen">${device.ip} · last seen ${seen} ago</span>
      <code class="public">${device.id}</code>
    </span>
    ${
      device.id === page.id
        ? html`<strong class="this">this one</strong>`
        : postForm(page, '/devices/revoke', revoke)
    }
  </li>`
}

function deviceName(userAgent: string): string {
  const browser = ['Firefox', 'Edg', 'OPR', 'Chrome', 'Safari'].find((one) =>
    userAgent.includes(one),
  )
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac', 'Linux'].find((one) =>
    userAgent.includes(one),
  )
  const known = { Edg: 'Edge', OPR: 'Opera' }[browser ?? ''] ?? browser
  return `${known ?? 'Something'} on ${system ?? 'some system'}`
}

/** The page of a visitor without a session: nothing is stored for it. */
export function welcomePage(inspection: Inspection): string {
  const ended = stateOf(inspection) === 'ended'
  const main = html`<section class="card" aria-labelledby="title">
    <h1 id="title">${ended ? 'Your session has ended' : 'A session stays in one place'}</h1>
    <p>
      ${
        ended
          ? html`It expired, or it was ended from another device. Your browser still sends its cookie,
            and it opens nothing any more: what counts is on the server.`
          : html`It lives on the server, and the browser carries only a ticket to it. Here you see
            both ends: what the browser holds and what the server holds, at every step.`
      }
    </p>
    <div class="actions">
      <a class="button primary" href="/login">Log in</a>
      <a class="button" href="/guest">Go on as a guest</a>
    </div>
  </section>
  ${thingsToTry}`
  return layout({ title: ended ? 'Your session has ended' : 'Welcome', main, inspection })
}

const thingsToTry = html`<section class="card" aria-labelledby="try-title">
  <h2 id="try-title">Things to try</h2>
  <ul class="try">
    <li>Go on as a guest, fill the cart, then log in: the id stays, the secret changes.</li>
    <li>Log in with the same name in a private window, and log that device out from here.</li>
    <li>Restart the server: you are still logged in. Then remove its file.</li>
    <li>Do nothing for two minutes, and watch the row expire.</li>
    <li>Turn off JavaScript: all but the live panels works.</li>
  </ul>
</section>`

export function loginPage(
  form: { readonly csrf: string; readonly problem: string | undefined },
  inspection: Inspection,
): string {
  const { problem } = form
  const fields = html`
    <label for="name">Your name</label>
    <input id="name" name="name" required maxlength="40" autocomplete="username" autofocus
      ${problem !== undefined && html`aria-invalid="true" aria-describedby="problem"`} />
    ${problem !== undefined && html`<p class="flash problem" id="problem">${problem}</p>`}
    <label class="check"><input type="checkbox" name="permanent" /> Remember this browser</label>
    <button class="primary">Log in</button>
  `
  const main = html`<section class="card" aria-labelledby="title">
    <h1 id="title">Log in</h1>
    <p>As anyone: the demo asks for no password.</p>
    ${postForm(form, '/login', fields, 'login')}
    <p class="note">
      This form has a CSRF token, and the token belongs to a session. So you have one now: watch what
      the login does to its secret.
    </p>
  </section>`
  return layout({ title: 'Log in', main, inspection })
}

/** Answers a form that was not made for this session. */
export function refusedPage(): string {
  const main = html`<section class="card" aria-labelledby="title">
    <h1 id="title">That was refused</h1>
    <p>
      The form has no token of your session: it comes from another site, or from before your last
      login. Nothing was changed.
    </p>
    <p><a class="button primary" href="/">Back to the start</a></p>
  </section>`
  return layout({ title: 'Refused', main })
}

/** A form that changes something: a POST with the token of this session. */
function postForm(
  { csrf }: { readonly csrf: string },
  action: string,
  fields: Html,
  kind = '',
): Html {
  return html`<form method="post" action="${action}" class="${kind}">
    <input type="hidden" name="csrf" value="${csrf}" />
    ${fields}
  </form>`
}

function flashes(page: Dashboard, category: string): HtmlPart {
  const messages = page.flashes.filter((flash) => flash.category === category)
  return messages.map(({ message }) => html`<p class="flash">${message}</p>`)
}

interface Layout {
  readonly title: string
  readonly user?: string | null
  readonly main: Html
  readonly inspection?: Inspection
}

function layout({ title, user = null, main, inspection }: Layout): string {
  return String(html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${title} · sessile demo</title>
    <link rel="icon" href="/icon.svg" />
    <link rel="stylesheet" href="/demo.css" />
    <script src="/live.js" type="module"></script>
  </head>
  <body data-state="${inspection ? stateOf(inspection) : ''}">
    <a class="skip" href="#content">Skip to the content</a>
    <header>
      <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28" /> sessile</a>
      <p class="who">${user === null ? 'not logged in' : html`logged in as <strong>${user}</strong>`}</p>
    </header>
    <main id="content" tabindex="-1">
      <div class="app">
        <p class="flash problem" id="notice" hidden></p>
        ${main}
      </div>
      ${inspection && inside(inspection)}
    </main>
    <p class="hidden" id="announcer" role="status"></p>
  </body>
</html>
`)
}

function inside(inspection: Inspection): Html {
  return html`<div class="inside">
    <section class="card" aria-labelledby="browser-title">
      <h2 id="browser-title">What the browser holds</h2>
      <p class="where">the cookie <code>sessile-demo</code>, as it came with the request</p>
      <div id="browser">${browserPanel(inspection)}</div>
    </section>
    <section class="card" aria-labelledby="server-title">
      <h2 id="server-title">What the server holds</h2>
      <p class="where">
        the row of the table <code>sessions</code>, as it is stored in SQLite
        <span id="live-status">(when this page was made)</span>
      </p>
      <div id="server">${serverPanel(inspection)}</div>
    </section>
  </div>`
}
