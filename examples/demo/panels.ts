import { type Html, type HtmlPart, html } from './html.ts'
import type { Inspection, StoredRow } from './inspector.ts'

/** The parts of a page that follow what happens, keyed by the id of the element that shows them. */
export interface LivePanels {
  /** `ended`: the browser has a token, and no live session belongs to it. */
  readonly state: 'none' | 'live' | 'ended'
  readonly now: number
  readonly panels: Readonly<Record<PanelName, string>>
}

type PanelName = 'deadlines' | 'browser' | 'server'

export function livePanels(inspection: Inspection): LivePanels {
  const panels = {
    deadlines: String(deadlinesPanel(inspection)),
    browser: String(browserPanel(inspection)),
    server: String(serverPanel(inspection)),
  }
  return { state: stateOf(inspection), now: inspection.now, panels }
}

export function stateOf({ cookie, row, now }: Inspection): LivePanels['state'] {
  if (cookie === null) return 'none'
  return row !== null && Number(row['expires_at']) > now ? 'live' : 'ended'
}

/** How long the session still lives, by each of its two limits. */
export function deadlinesPanel({ row, now }: Inspection): Html {
  if (row === null) return html``
  const idleTimeout = Number(row['idle_timeout'])
  const idleEndsAt = Number(row['last_seen_at']) + idleTimeout
  const absoluteEndsAt = Number(row['absolute_expires_at'])
  const longest = absoluteEndsAt - Number(row['created_at'])
  return html`<dl class="deadlines">
      ${deadline('If you do nothing, it ends in', idleEndsAt, idleTimeout, now)}
      ${deadline('Whatever you do, it ends in', absoluteEndsAt, longest, now)}
    </dl>
    <p class="note">
      Each use of the session moves the first deadline, in the table at most every
      ${span(idleTimeout / 10_000)}. Looking at it here does not count, because the panels are read past
      the library: so you can watch the time run out. The demo gives you 2 minutes, the default is 10.
    </p>`
}

function deadline(name: string, endsAt: number, longest: number, now: number): Html {
  const left = Math.max(0, endsAt - now)
  return html`<div>
    <dt>${name}</dt>
    <dd>
      <span class="time" role="timer" data-ends-at="${endsAt}">${timeLeft(left)}</span>
      <progress value="${Math.min(left, longest)}" max="${longest}" aria-hidden="true"></progress>
    </dd>
  </div>`
}

export function browserPanel({ cookie, row }: Inspection): Html {
  if (cookie === null) {
    return html`<p class="empty">No cookie.</p>
      <p class="note">It gets one with the first answer that has something to keep.</p>`
  }
  const lasts = row?.['persistent']
    ? html`<li><code>Max-Age</code>: this browser keeps it when it is closed.</li>`
    : html`<li>No <code>Max-Age</code>: it is gone when the browser is closed.</li>`
  return html`<div class="token">
      <p class="part public">
        <span class="caption">public id</span>
        <code data-live="cookie-id">${cookie.id}</code>
      </p>
      <p class="part secret">
        <span class="caption">secret</span>
        <code data-live="cookie-secret">${cookie.secret}</code>
      </p>
    </div>
    <ul class="facts" data-live="cookie-facts">
      ${row === null ? html`<li>No row has this id and secret: it opens nothing.</li>` : lasts}
      <li>
        <code>HttpOnly</code>: no script can read it. It is here only because the demo’s server copies
        it from the request into the page, <strong>which a real app never does</strong>.
      </li>
    </ul>`
}

export function serverPanel(inspection: Inspection): Html {
  const { cookie, row } = inspection
  if (row === null) {
    const note =
      cookie === null
        ? 'A visitor who has nothing to keep costs nothing: no row, no query.'
        : 'The session was logged out, revoked or swept. The old cookie stays worthless for ever.'
    return html`<p class="empty">No row.</p>
      <p class="note">${note}</p>`
  }
  const expired = stateOf(inspection) === 'ended'
  return html`${expired && html`<p class="empty">Expired: not read any more, and soon swept.</p>`}
    <dl class="row">${Object.keys(row).map((name) => column(name, row))}</dl>`
}

function column(name: string, row: StoredRow): Html {
  const value = row[name]
  const kind = { id: 'public', secret_hash: 'hash', previous_secret_hash: 'hash' }[name] ?? 'plain'
  return html`<div class="column ${kind}">
    <dt>${name}</dt>
    <dd data-live="${name}">
      ${stored(name, value)}
      <span class="about">${about(name, row)}</span>
    </dd>
  </div>`
}

function stored(name: string, value: StoredRow[string] | undefined): Html {
  if (value === null || value === undefined) return html`<code class="null">NULL</code>`
  if (name === 'data') return html`<pre><code>${pretty(String(value))}</code></pre>`
  return html`<code>${String(value)}</code>`
}

function about(name: string, row: StoredRow): HtmlPart {
  const value = row[name]
  switch (name) {
    case 'id':
      return 'the same as in the cookie, for the session’s whole life'
    case 'secret_hash':
      return 'all that the server knows of the secret'
    case 'previous_secret_hash':
      return value !== null && 'of the secret that the last login or rotation replaced'
    case 'previous_secret_until':
      return value !== null && html`since then it opens nothing: ${timeOfDay(Number(value))}`
    case 'principal':
      return value === null ? 'nobody is logged in' : 'whose session it is'
    case 'data':
      return 'what the app keeps, its messages for the next page, and the seed of its CSRF tokens'
    case 'version':
      return 'grows with each save'
    case 'idle_timeout':
      return span(Number(value) / 1000)
    case 'expires_at':
      return html`the sooner deadline: ${timeOfDay(Number(value))}`
    case 'persistent':
      return value ? 'the browser is remembered' : 'the cookie ends with the browser'
    default:
      return name.endsWith('_at') ? timeOfDay(Number(value)) : null
  }
}

function pretty(data: string): string {
  try {
    return JSON.stringify(JSON.parse(data), null, 2)
  } catch {
    return data
  }
}

function timeOfDay(at: number): string {
  return new Date(at).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
}

/** `1:43`, `23 h 59 min` or `6 d 23 h`. What is below an hour is ticked by the page's script. */
export function timeLeft(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  if (seconds >= 3600) return span(seconds)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** `12 s`, `2 min`, `2 h 24 min` or `1 d`. */
export function span(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24]
  const parts = days > 0 ? [`${days} d`] : []
  if (hours > 0) parts.push(`${hours} h`)
  if (days === 0 && minutes % 60 > 0) parts.push(`${minutes % 60} min`)
  return parts.join(' ')
}
