import { stringifySetCookie } from 'cookie'
import { SessionOptionsError, shown } from './errors.ts'
import type { SessionToken } from './session-token.ts'
import { parseToken, TOKEN_LENGTH } from './session-token.ts'

/** Options of the cookie. The browser judges it: it is always sent, whatever the link looks like. */
export interface CookieOptions {
  /** Default `__Host-session`, or `session` with a domain, a path or `secure: false`. */
  readonly name?: string
  /** Default none: only the host that set it gets the cookie back. */
  readonly domain?: string
  /** Default `/`. */
  readonly path?: string
  /** Default true. False only for plain HTTP: browsers treat localhost as secure, except Safari. */
  readonly secure?: boolean
  /**
   * Where requests that carry the cookie come from. `'same'` (default): this site, and links to it
   * (`SameSite=Lax`). `'cross'`: a front end on another site (`SameSite=None; Secure`).
   * `'embedded'`: an iframe on another site (`SameSite=None; Secure; Partitioned`, a cookie jar per
   * embedding site).
   */
  readonly site?: 'same' | 'cross' | 'embedded'
  /** Which cookies the browser drops first (Chromium only). Default none. */
  readonly priority?: 'low' | 'medium' | 'high'
}

/** How many sessions one Cookie header may make us look up. */
const MOST_IDS = 4
const MOST_TOKENS = 8

const SAME_SITE = { same: 'lax', cross: 'none', embedded: 'none' } as const

/** Reads and writes the session cookie. */
export class SessionCookie {
  readonly name: string
  readonly secure: boolean
  readonly #prefix: string
  readonly #attributes: Readonly<Omit<Parameters<typeof stringifySetCookie>[0], 'name' | 'value'>>

  constructor(options: CookieOptions = {}) {
    checkCookieOptions(options)
    const { domain, path = '/', secure = true, site = 'same', priority } = options
    const hostOnly = domain === undefined && path === '/' && secure
    this.name = options.name ?? (hostOnly ? '__Host-session' : 'session')
    this.secure = secure
    this.#prefix = `${this.name}=`
    this.#attributes = {
      httpOnly: true,
      path,
      sameSite: SAME_SITE[site],
      ...(secure && { secure }),
      ...(domain !== undefined && { domain }),
      ...(site === 'embedded' && { partitioned: true }),
      ...(priority !== undefined && { priority }),
    }
    checkPrefix(this.name, hostOnly, secure)
    try {
      this.expire()
    } catch (error) {
      refuse(`${(error as Error).message}; it has characters that no cookie may have there.`)
    }
  }

  /**
   * The well-formed tokens of a Cookie header, in its order: at most four ids. Everything else is
   * passed over without a look at it.
   */
  read(header: string | null | undefined): SessionToken[] {
    const tokens: SessionToken[] = []
    if (!header) return tokens
    const ids = new Set<string>()
    let at = header.indexOf(this.#prefix)
    for (; at !== -1; at = header.indexOf(this.#prefix, at + 1)) {
      if (!startsPair(header, at)) continue
      const start = at + this.#prefix.length
      const token = tokenAt(header, start)
      if (token === null || (ids.size === MOST_IDS && !ids.has(token.id))) continue
      ids.add(token.id)
      if (tokens.push(token) === MOST_TOKENS) break
    }
    return tokens
  }

  /** @param maxAge seconds until the browser drops the cookie; `null`: when it is closed. */
  write(value: string, maxAge: number | null): string {
    return stringifySetCookie({
      ...this.#attributes,
      name: this.name,
      value,
      ...(maxAge !== null && { maxAge }),
    })
  }

  /** A Set-Cookie value that removes the cookie: same name, domain, path and flags. */
  expire(): string {
    return stringifySetCookie({
      ...this.#attributes,
      name: this.name,
      value: '',
      maxAge: 0,
      expires: new Date(0),
    })
  }
}

/** Whether a `name=` found at `at` is the whole name: it begins the header or follows a `;`. */
function startsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && (header[before] === ' ' || header[before] === '\t')) before--
  return before < 0 || header[before] === ';'
}

/** The token at `start`, if nothing but blanks stands between it and the end of its pair. */
function tokenAt(header: string, start: number): SessionToken | null {
  let end = start + TOKEN_LENGTH
  const token = parseToken(header.slice(start, end))
  if (token === null) return null
  while (header[end] === ' ' || header[end] === '\t') end++
  return end >= header.length || header[end] === ';' ? token : null
}

const OPTION_NAMES: readonly string[] = [
  'name',
  'domain',
  'path',
  'secure',
  'site',
  'priority',
] satisfies (keyof CookieOptions)[]

function checkCookieOptions(options: CookieOptions): void {
  if (typeof options !== 'object' || options === null) {
    refuse(`${shown(options)} is given; allowed is an object such as { site: 'cross' }.`)
  }
  for (const option of Object.keys(options)) {
    if (OPTION_NAMES.includes(option)) continue
    refuse(
      `there is no option ${option}. Known are: ${OPTION_NAMES.join(', ')}. HttpOnly is always on, ` +
        'site chooses SameSite, and the timeouts choose Max-Age.',
    )
  }
  const { name, domain, path = '/', secure = true, site = 'same', priority } = options
  for (const [option, given] of Object.entries({ name, domain, path })) {
    if (given === undefined || (typeof given === 'string' && given !== '')) continue
    refuse(`${option} is ${shown(given)}; give a text, or leave it out.`)
  }
  if (!path.startsWith('/')) refuse(`path is ${shown(path)}; it must begin with a slash.`)
  if (typeof secure !== 'boolean') refuse(`secure is ${shown(secure)}; give a boolean.`)
  if (!Object.hasOwn(SAME_SITE, site)) {
    refuse(`site is ${shown(site)}; allowed are 'same', 'cross' and 'embedded'.`)
  }
  if (priority !== undefined && !['low', 'medium', 'high'].includes(priority)) {
    refuse(`priority is ${shown(priority)}; allowed are 'low', 'medium' and 'high'.`)
  }
  if (!secure && site !== 'same') {
    refuse(`browsers refuse site: '${site}' without Secure. Remove secure: false and use HTTPS.`)
  }
}

/** Browsers refuse a name with one of these prefixes, in any case, unless the flags bear it out. */
function checkPrefix(name: string, hostOnly: boolean, secure: boolean): void {
  const lowerCaseName = name.toLowerCase()
  if (lowerCaseName.startsWith('__host-') && !hostOnly) {
    refuse(
      `browsers refuse the name ${name} with a domain, a path or secure: false. Choose another ` +
        'name, or leave it out.',
    )
  }
  if (/^__(?:secure|http)-/.test(lowerCaseName) && !secure) {
    refuse(`browsers refuse the name ${name} without Secure. Choose another name.`)
  }
}

function refuse(reason: string): never {
  throw new SessionOptionsError(`cookie: ${reason}`)
}
