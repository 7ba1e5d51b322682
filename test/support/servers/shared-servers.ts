// Starts the servers that a test run needs, and only these. A run needs a server if one of its files
// imports that server's module here, directly or through other files.

import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { findProgram, installCommand, installMissing, type ServerProgram } from './install.ts'
import { mariadbProgram, startMariadb } from './mariadb.ts'
import { postgresProgram, startPostgres } from './postgres.ts'
import { redisProgram, startRedis, startRedisCluster } from './redis.ts'
import { type SharedServerName, skipVariable, urlVariable } from './shared-server.ts'

interface Startable {
  readonly name: SharedServerName
  /** What `STORES` calls it. */
  readonly store: 'postgres' | 'mysql' | 'redis'
  readonly module: string
  /** Names a server that the user wants to be used. */
  readonly ownVariable: string
  readonly program: ServerProgram
  start(): Promise<{ readonly url: string; stop(): Promise<void> }>
}

const servers: readonly Startable[] = [
  {
    name: 'postgres',
    store: 'postgres',
    module: 'postgres.ts',
    ownVariable: 'POSTGRES_URL',
    program: postgresProgram,
    start: startPostgres,
  },
  {
    name: 'mysql',
    store: 'mysql',
    module: 'mariadb.ts',
    ownVariable: 'MYSQL_URL',
    program: mariadbProgram,
    start: startMariadb,
  },
  {
    name: 'redis',
    store: 'redis',
    module: 'redis.ts',
    ownVariable: 'REDIS_URL',
    program: redisProgram,
    start: startRedis,
  },
  {
    name: 'redis-cluster',
    store: 'redis',
    module: 'redis.ts',
    ownVariable: 'REDIS_CLUSTER_URL',
    program: redisProgram,
    start: startRedisCluster,
  },
]

/** @param stores names separated by commas, or `undefined` for all: the variable `STORES` */
export function serversOf(files: readonly string[], stores: string | undefined): Startable[] {
  const imported = importedFiles(files)
  const chosen = stores?.split(',').map((name) => name.trim())
  return servers.filter(({ name, store, module }) => {
    if (!imported.has(resolve(import.meta.dirname, module))) return false
    if (chosen === undefined || chosen.includes(store)) return true
    process.env[skipVariable(name)] = `STORES=${stores}`
    return false
  })
}

/**
 * Starts what the test files need, and tells their processes by environment variables.
 *
 * @returns how to stop what was started
 */
export async function startSharedServers(files: readonly string[]): Promise<() => Promise<void>> {
  const needed = serversOf(files, process.env['STORES']).filter((server) => !isGiven(server))
  installMissing([...new Set(needed.map(({ program }) => program))])
  const stops: (() => Promise<void>)[] = []
  const stopAll = async () => void (await Promise.all(stops.map((stop) => stop())))
  const problems = await Promise.all(
    needed.map(async (server) => {
      const { name, program } = server
      if (findProgram(program) === undefined) {
        return skip(server, `it is not on this machine. ${installCommand([program])}`)
      }
      try {
        const { url, stop } = await server.start()
        stops.push(stop)
        process.env[urlVariable(name)] = url
        console.log(`${name}: ${url.replace(/\/\/.*@/, '//')}`)
        return undefined
      } catch (error) {
        return skip(server, `it could not be started: ${String(error).replace(/\s+/g, ' ')}`)
      }
    }),
  )
  const problem = problems.find((each) => each !== undefined)
  if (problem === undefined || process.env['CI'] !== 'true') return stopAll
  await stopAll()
  throw new Error(problem)
}

function isGiven({ name, ownVariable }: Startable): boolean {
  const url = process.env[ownVariable]
  if (url === undefined) return false
  process.env[urlVariable(name)] = url
  console.log(`${name}: the one of ${ownVariable}`)
  return true
}

/** @returns the one line that says so */
function skip({ name }: Startable, reason: string): string {
  process.env[skipVariable(name)] = reason
  const line = `${name}: its tests are skipped, because ${reason}`
  console.log(line)
  return line
}

/** The files, and whatever of this repository they import. */
function importedFiles(files: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>()
  // The runner takes patterns too.
  const open = globSync([...files]).map((file) => resolve(file))
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file) || !statSync(file, { throwIfNoEntry: false })?.isFile()) continue
    found.add(file)
    const folder = dirname(file)
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.{1,2}\/[^']+)'/g)) {
      open.push(resolve(folder, path))
    }
  }
  return found
}
