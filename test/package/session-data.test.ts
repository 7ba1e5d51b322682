import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { root } from '../repo/repository-files.ts'

const compiler = join(root, 'node_modules/typescript/bin/tsc')

const augmentation = `
import 'sessile'
declare module 'sessile' {
  interface SessionData {
    name: string
    cart: string[]
  }
}
`

const app = `
import express from 'express'
import { createSessions, type Session, type SessionData, session } from 'sessile'
import { sessionMiddleware } from 'sessile/express'
import { memoryStore } from 'sessile/memory'

type Same<A, B> =
  (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}

same<SessionData, { name: string; cart: string[] }>()
const fromProxy = session.get('name')
same<typeof fromProxy, string | undefined>()
session.set('cart', ['apple'])
session.data.name = 'Ada'
// @ts-expect-error: a cart is a list
session.set('cart', 'apple')
// @ts-expect-error: there is no such key
session.get('nmae')

const sessions = createSessions({ store: memoryStore() })
const current = sessions.current()
same<typeof current, Session<SessionData>>()

const server = express()
server.use(sessionMiddleware(sessions))
server.get('/', (request, response) => {
  const fromRequest = request.session.get('cart')
  same<typeof fromRequest, string[] | undefined>()
  // @ts-expect-error: a name is a text
  request.session.set('name', 1)
  response.json(request.session)
})

const own = createSessions<{ visits: number }>({ store: memoryStore() }).current()
own.update('visits', (visits = 0) => visits + 1)
// @ts-expect-error: a type of its own has no keys of the others
own.get('name')
`

const withoutAugmentation = `
import { session } from 'sessile'
const value = session.get('anything')
const text: string = value as string
// @ts-expect-error: nobody has said what it is
const guessed: string = value
session.set('anything', [text, guessed])
`

suite('declare module "sessile" { interface SessionData }', () => {
  let consumer = ''

  before(() => {
    const cache = join(root, 'node_modules/.cache')
    mkdirSync(cache, { recursive: true })
    consumer = mkdtempSync(join(cache, 'session-data-'))
    const copy = join(consumer, 'node_modules/sessile')
    mkdirSync(copy, { recursive: true })
    copyFileSync(join(root, 'package.json'), join(copy, 'package.json'))
    writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }')
    run(root, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(copy, 'dist'))
  })

  after(() => rmSync(consumer, { recursive: true, force: true }))

  for (const module of ['nodenext', 'preserve']) {
    test(`gives the global session and request.session its types (${module})`, () => {
      writeFileSync(join(consumer, 'session-data.d.ts'), augmentation)
      writeFileSync(join(consumer, 'app.ts'), app)
      check(consumer, module, 'session-data.d.ts', 'app.ts')
    })
  }

  test('is not needed: without it values are unknown', () => {
    writeFileSync(join(consumer, 'app.ts'), withoutAugmentation)
    check(consumer, 'nodenext', 'app.ts')
  })
})

function check(consumer: string, module: string, ...files: string[]): void {
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--types', 'node', '--module', module]
  run(consumer, ...options, ...files)
}

function run(cwd: string, ...options: string[]): void {
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], { cwd })
  assert.equal(status, 0, String(stdout))
}
