/**
 * The demo: `npm start`, then http://localhost:3000. Everything that it does with sessions is in
 * this file; what its pages look like is in pages.ts and panels.ts. PORT, HOST and DATA_FOLDER in
 * the environment override the defaults.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Request } from 'express'
import { createSessions, SessionGoneError } from 'sessile'
import { sessionMiddleware } from 'sessile/express'
import { sqliteStore } from 'sessile/sqlite'
import { openInspector } from './inspector.ts'
import { dashboardPage, loginPage, refusedPage, welcomePage } from './pages.ts'
import { livePanels } from './panels.ts'
import { field, pageHeaders, serve } from './serve.ts'
import { type Cart, changeCart, findItem } from './shop.ts'

const { DATA_FOLDER = join(import.meta.dirname, 'data') } = process.env
mkdirSync(DATA_FOLDER, { recursive: true })
const databaseFile = join(DATA_FOLDER, 'sessions.db')
console.log(`Sessions are kept in ${databaseFile}`)

const cookieName = 'sessile-demo'
const sessions = createSessions<{ visits: number; cart: Cart }>({
  // The option lets the demo run on a RAM disk, too. Sessions that matter should not: leave it out.
  store: sqliteStore(databaseFile, { allowAnyFileSystem: true }),
  // Short, so that there is something to see. The defaults are 10 minutes, 31 days and 31 days.
  idleTimeout: '2m',
  permanentTimeout: '1d',
  absoluteTimeout: '7d',
  // The demo speaks plain HTTP, and Safari keeps no Secure cookie from http://localhost.
  cookie: { name: cookieName, secure: false },
})
const inspector = openInspector(databaseFile, cookieName)
const inspect = (req: Request) => inspector.inspect(req.headers.cookie)

const app = express()
app.use(pageHeaders)
app.use(express.static(join(import.meta.dirname, 'public')))

// Before the middleware: what the panels poll must not count as a use of the session.
app.get('/live', (req, res) => {
  res.json(livePanels(inspect(req)))
})

app.use(sessionMiddleware(sessions))

app.get('/', async (req, res) => {
  const session = sessions.of(req)
  if (session.isNew) {
    res.send(welcomePage(inspect(req)))
    return
  }
  session.update('visits', (visits = 0) => visits + 1)
  const flashes = session.flashes()
  // Other apps leave this to the response. Here the page shows the row as it is afterwards.
  await session.save()
  const { id, principal, permanent } = session
  const { visits = 0, cart = {} } = session.toJSON()
  const devices = principal === null ? [] : await sessions.list(principal)
  const csrf = session.csrfToken()
  const page = { id, principal, permanent, visits, cart, devices, flashes, csrf }
  res.send(dashboardPage(page, inspect(req)))
})

// Whoever has something to keep has a session; it stays the same session at the login.
app.get('/guest', (req, res) => {
  sessions.of(req).flash('You have a session now, and nobody is logged in.')
  res.redirect(303, '/')
})

app.get('/login', (req, res) => {
  const session = sessions.of(req)
  const [problem] = session.flashes('login')
  res.send(loginPage({ csrf: session.csrfToken(), problem: problem?.message }, inspect(req)))
})

app.post('/{*path}', express.urlencoded({ extended: false }), (req, res, next) => {
  const session = sessions.of(req)
  const passes = session.verifyCsrf(req, field(req, 'csrf'))
  if (passes && (!session.isNew || req.path === '/login')) next()
  // It has expired or was revoked since the form was made: the start page tells.
  else if (session.isNew) res.redirect(303, '/')
  else res.status(403).send(refusedPage())
})

app.post('/login', (req, res) => {
  const session = sessions.of(req)
  const name = field(req, 'name').trim()
  if (!/^[^\p{Cc}\p{Cs}]{1,40}$/u.test(name)) {
    session.flash('Please give a name of 1 to 40 characters.', 'login')
    return res.redirect(303, '/login')
  }
  // The id and the data stay, the secret is new: a token that was planted before is worthless now.
  session.login(name)
  session.permanent = field(req, 'permanent') === 'on'
  session.flash(`You are logged in as ${name}.`)
  res.redirect(303, '/')
})

app.post('/logout', (req, res) => {
  sessions.of(req).destroy()
  res.redirect(303, '/')
})

app.post('/rotate', (req, res) => {
  const session = sessions.of(req)
  session.rotate()
  session.flash('The id and the data are the same, the secret is a new one.')
  res.redirect(303, '/')
})

app.post('/permanent', (req, res) => {
  const session = sessions.of(req)
  session.permanent = field(req, 'permanent') === 'on'
  session.flash(
    session.permanent ? 'This browser is remembered.' : 'It is not remembered any more.',
  )
  res.redirect(303, '/')
})

app.post('/cart/:change', (req, res) => {
  const session = sessions.of(req)
  const item = findItem(field(req, 'item'))
  const by = req.params.change === 'add' ? 1 : -1
  if (item !== undefined) {
    session.update('cart', (cart = {}) => changeCart(cart, item.id, by))
    session.flash(`${item.name}: one ${by === 1 ? 'added' : 'removed'}.`, 'cart')
  }
  res.redirect(303, '/#cart')
})

app.post('/devices/revoke', async (req, res) => {
  const session = sessions.of(req)
  const { principal } = session
  // Ids are public, so anybody may post any id: only one's own session is revoked.
  const revoked = principal !== null && (await sessions.revoke(field(req, 'id'), { principal }))
  session.flash(revoked ? 'That device is logged out.' : 'You have no such device.', 'devices')
  res.redirect(303, '/#devices')
})

app.post('/devices/revoke-others', async (req, res) => {
  const session = sessions.of(req)
  const { id, principal } = session
  const count = principal === null ? 0 : await sessions.revokeAll(principal, { except: id })
  session.flash(`Logged out: ${count} other ${count === 1 ? 'device' : 'devices'}.`, 'devices')
  res.redirect(303, '/#devices')
})

const onError: ErrorRequestHandler = (error, _req, res, next) => {
  // Revoked while the page was made: the next request finds the visitor logged out.
  if (error instanceof SessionGoneError) res.redirect(303, '/')
  else next(error)
}
app.use(onError)

serve(app, async () => {
  inspector.close()
  await sessions.close()
})
