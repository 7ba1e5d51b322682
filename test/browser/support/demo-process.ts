import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const server = join(import.meta.dirname, '../../../examples/demo/server.ts')
const sourceResolution = join(import.meta.dirname, 'source-resolution.ts')

export interface DemoSettings {
  /** Where the database is. Default: a new folder, removed in the end. */
  readonly folder?: string
  /** Default: any free port. */
  readonly port?: number
}

/** How a process ended, and what it wrote to its error stream. */
export interface DemoEnd {
  readonly code: number | null
  readonly errors: string
}

/** The demo as `npm start` runs it, in a process of its own. */
export class DemoProcess implements AsyncDisposable {
  readonly url: string
  readonly databaseFile: string
  readonly #process: ChildProcess
  readonly #ended: Promise<DemoEnd>
  readonly #temporaryFolder: string | undefined

  private constructor(
    process: ChildProcess,
    ended: Promise<DemoEnd>,
    [url, databaseFile]: readonly [string, string],
    temporaryFolder: string | undefined,
  ) {
    this.#process = process
    this.#ended = ended
    this.url = url
    this.databaseFile = databaseFile
    this.#temporaryFolder = temporaryFolder
  }

  static async start(settings: DemoSettings = {}): Promise<DemoProcess> {
    const temporaryFolder =
      settings.folder === undefined ? await mkdtemp(join(tmpdir(), 'sessile-demo-')) : undefined
    const { process, ended } = launch({ ...settings, folder: settings.folder ?? temporaryFolder })
    const places = await Promise.race([announced(process), ended])
    if ('code' in places) throw new Error(`The demo did not start: ${places.errors}`)
    return new DemoProcess(process, ended, places, temporaryFolder)
  }

  /** Starts a demo that is expected to end by itself. */
  static failToStart(settings: DemoSettings): Promise<DemoEnd> {
    return launch(settings).ended
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  /** A row as it is stored. */
  row(id: string): Record<string, unknown> | undefined {
    const database = new DatabaseSync(this.databaseFile, { readOnly: true })
    try {
      return database.prepare('SELECT * FROM sessions WHERE id = ?').get(id)
    } finally {
      database.close()
    }
  }

  rowCount(): number {
    const database = new DatabaseSync(this.databaseFile, { readOnly: true })
    try {
      return Number(database.prepare('SELECT count(*) AS count FROM sessions').get()?.['count'])
    } finally {
      database.close()
    }
  }

  stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGTERM'): Promise<DemoEnd> {
    this.#process.kill(signal)
    return this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    if (this.#temporaryFolder !== undefined) {
      await rm(this.#temporaryFolder, { recursive: true, force: true })
    }
  }
}

function launch({ folder, port = 0 }: { folder?: string | undefined; port?: number }) {
  const environment = { ...process.env, PORT: String(port), DATA_FOLDER: folder }
  const child = spawn(process.execPath, ['--import', sourceResolution, server], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const ended = once(child, 'close').then(([code]): DemoEnd => ({ code, errors }))
  return { process: child, ended }
}

/** Waits until the demo has said where it listens and where its sessions are. */
async function announced({ stdout }: ChildProcess): Promise<[url: string, file: string]> {
  let output = ''
  for await (const text of stdout?.setEncoding('utf8') ?? []) {
    output += text
    const url = /http:\/\/\S+/.exec(output)?.[0]
    const file = /kept in (.+)/.exec(output)?.[1]
    if (url !== undefined && file !== undefined) {
      stdout?.resume()
      return [url, file]
    }
  }
  return new Promise(() => {})
}
