import type { AddressInfo } from 'node:net'
import type { Express, Request, RequestHandler } from 'express'

/** Pages are never cached, use only their own styles and scripts, and fit into nobody's frame. */
export const pageHeaders: RequestHandler = (_req, res, next) => {
  const own = "style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'"
  const none = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
  res.set('Content-Security-Policy', `${none}; ${own}; form-action 'self'`)
  res.set('Cache-Control', 'no-store')
  next()
}

/** The text of a form's field; empty if there is none. */
export function field(req: Request, name: string): string {
  const body = req.body as Record<string, unknown> | undefined
  const value = body?.[name]
  return typeof value === 'string' ? value : ''
}

/** Listens until SIGINT or SIGTERM, answers what has begun, and calls `close`. */
export function serve(app: Express, close: () => Promise<void>): void {
  const { PORT = '3000', HOST = 'localhost' } = process.env
  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) fail(PORT, 'it is no port number')

  const server = app.listen(Number(PORT), HOST, (error) => {
    const taken = error !== undefined && 'code' in error && error.code === 'EADDRINUSE'
    if (error) fail(PORT, taken ? 'it is taken' : error.message)
    const { port } = server.address() as AddressInfo
    console.log(`The demo is on http://${HOST}:${port} (stop it with Ctrl-C).`)
  })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => server.close(() => void close()))
  }
}

function fail(port: string, reason: string): never {
  console.error(`Port ${port} cannot be used: ${reason}. Try another one: PORT=3001 npm start`)
  process.exit(1)
}
