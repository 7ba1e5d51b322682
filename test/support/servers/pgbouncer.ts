import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, installCommand, installMissing, type ServerProgram } from './install.ts'
import {
  type DatabaseServer,
  firstAnswer,
  freePort,
  type ServerCommand,
  serverFolder,
  startServer,
} from './server-process.ts'

export const pgbouncerProgram: ServerProgram = {
  names: ['pgbouncer'],
  debianPackage: 'pgbouncer',
}

/** For the option `skip` of tests: false once PgBouncer is on this machine. */
export function skipWithoutPgbouncer(): string | false {
  installMissing([pgbouncerProgram])
  if (findProgram(pgbouncerProgram) !== undefined) return false
  const reason = `PgBouncer is not on this machine. ${installCommand([pgbouncerProgram])}`
  if (process.env['CI'] === 'true') throw new Error(reason)
  return reason
}

// PgBouncer refuses to run as root.
const USER = 'postgres'

/** Starts PgBouncer in front of a server, lending connections for one transaction at a time. */
export async function startPgbouncer(serverUrl: string): Promise<DatabaseServer> {
  const program = findProgram(pgbouncerProgram)
  if (program === undefined) throw new Error('There is no PgBouncer on this machine.')
  const { hostname, port: serverPort, username, password, pathname } = new URL(serverUrl)
  const folder = serverFolder('pgbouncer', USER)
  const port = await freePort()
  const settings = join(folder, 'pgbouncer.ini')
  writeFileSync(
    settings,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`,
  )
  const command: ServerCommand = {
    folder,
    port,
    command: program,
    args: [settings],
    user: USER,
    stopSignal: 'SIGTERM',
    // An SSLRequest, answered by S or N.
    isReady: async () =>
      /^[SN]/.test(String(await firstAnswer(port, '\0\0\0\x08\x04\xd2\x16\x2f'))),
  }
  return startServer(command, `postgres://${username}:${password}@127.0.0.1:${port}${pathname}`)
}
