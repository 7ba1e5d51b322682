import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import type { Hono } from 'hono'
import type Koa from 'koa'
import { Browser } from '../adapters/adapter-conformance.ts'
import { close, listen as listenFastify } from '../adapters/fastify-app.ts'
import { serveHono } from '../adapters/hono-app.ts'
import { root } from '../repo/repository-files.ts'
import { listen } from '../support/http-exchange.ts'

const run = promisify(execFile)

interface Served extends AsyncDisposable {
  readonly url: string
}

/** How the app that a page shows is served. */
const pages: Readonly<Record<string, (app: never) => Promise<Served>>> = {
  async fastify(app: FastifyInstance) {
    return { url: await listenFastify(app), [Symbol.asyncDispose]: () => close(app) }
  },
  hono: (app: Hono) => serveHono(app),
  koa: (app: Koa) => listen(http.createServer(app.callback())),
}

/** The page imports the package; its code is checked and run against the sources. */
function onSources(code: string): string {
  return code
    .replaceAll("'sessile'", `'${join(root, 'src/index.ts')}'`)
    .replaceAll(/'sessile\/(\w+)'/g, (_, entry) => `'${join(root, 'src', entry)}.ts'`)
}

suite('the apps in docs/frameworks', () => {
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framework-pages-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    const compilerOptions = { typeRoots: [join(root, 'node_modules/@types')] }
    const configuration = { extends: join(root, 'tsconfig.json'), compilerOptions }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ ...configuration, include: ['*.ts'] }),
    )
    for (const page of Object.keys(pages)) {
      const text = await readFile(join(root, `docs/frameworks/${page}.md`), 'utf8')
      const [app, ...more] = [...text.matchAll(/^```ts\n(\/\/ app\.ts\n.*?)^```$/gms)]
      assert.ok(app?.[1] !== undefined && more.length === 0, `one app.ts in ${page}.md`)
      await writeFile(join(folder, `${page}.ts`), onSources(app[1]))
    }
  })

  after(() => rm(folder, { recursive: true }))

  test('have no type errors', async () => {
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    await run(process.execPath, [compiler, '--project', folder]).catch(({ stdout }) => {
      assert.fail(stdout)
    })
  })

  for (const [page, serve] of Object.entries(pages)) {
    test(`keep a session: ${page}`, async () => {
      const { app, sessions } = await import(join(folder, `${page}.ts`))
      await using target = await serve(app as never)
      const visitor = new Browser(target.url)
      const { status, headers } = await visitor.ask('/login')
      assert.equal(status, 302)
      assert.equal(headers.location, '/')
      assert.equal((await visitor.ask('/')).text, '{"name":"Ada","visits":1}')
      assert.equal((await visitor.ask('/')).text, '{"name":"Ada","visits":2}')
      await sessions.close()
    })
  }
})
