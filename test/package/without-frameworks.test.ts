import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import manifest from '../../package.json' with { type: 'json' }
import { root } from '../repo/repository-files.ts'

const compiler = join(root, 'node_modules/typescript/bin/tsc')

const app = `
import { createSessions, type Session } from 'sessile'
import { sessionMiddleware as express } from 'sessile/express'
import { sessionPlugin } from 'sessile/fastify'
import { withSessions } from 'sessile/fetch'
import { type SessionEnv, sessionMiddleware as hono } from 'sessile/hono'
import { type SessionContext, sessionMiddleware as koa } from 'sessile/koa'
import { memoryStore } from 'sessile/memory'

interface Data {
  name: string
}

const sessions = createSessions<Data>({ store: memoryStore() })

export const mounted = [
  express(sessions),
  sessionPlugin({}, { sessions }),
  hono(sessions),
  koa(sessions),
  withSessions(sessions, (_request, session) => new Response(session.get('name'))),
]

export function names(request: object, koa: SessionContext<Data>, hono: SessionEnv<Data>) {
  const session: Session<Data> = sessions.of(request)
  // @ts-expect-error: there is no such key
  session.get('nmae')
  // @ts-expect-error: a name is a text
  koa.session.set('name', 1)
  // @ts-expect-error: a name is a text
  hono.Variables.session.set('name', 1)
  return [session.get('name'), koa.session.get('name'), hono.Variables.session.get('name')]
}
`

suite('where no framework is installed', () => {
  let consumer = ''
  const installed = (name: string): string => join(consumer, 'node_modules', name)

  before(() => {
    // Not below the repository, whose node_modules would be found.
    consumer = mkdtempSync(join(tmpdir(), 'sessile-consumer-'))
    for (const name of ['@types/node', 'undici-types', ...Object.keys(manifest.dependencies)]) {
      mkdirSync(dirname(installed(name)), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), installed(name), 'junction')
    }
    mkdirSync(installed('sessile'))
    copyFileSync(join(root, 'package.json'), join(installed('sessile'), 'package.json'))
    const options = ['-p', 'tsconfig.build.json', '--outDir', join(installed('sessile'), 'dist')]
    const build = spawnSync(process.execPath, [compiler, ...options], { cwd: root })
    assert.equal(build.status, 0, String(build.stdout))

    writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(consumer, 'app.ts'), app)
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    }
    writeFileSync(
      join(consumer, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['app.ts'] }),
    )
  })

  after(() => rmSync(consumer, { recursive: true, force: true }))

  test('all adapters have their types, also with skipLibCheck: false', () => {
    for (const name of ['fastify', 'koa', 'hono', 'express']) {
      assert.equal(existsSync(installed(name)), false)
    }
    const check = spawnSync(process.execPath, [compiler, '-p', consumer], { cwd: consumer })
    assert.equal(check.status, 0, String(check.stdout))
  })
})
