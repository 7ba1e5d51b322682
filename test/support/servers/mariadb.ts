import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, type ServerProgram } from './install.ts'
import {
  type DatabaseServer,
  firstAnswer,
  freePort,
  runAs,
  type ServerCommand,
  serverFolder,
  startServer,
} from './server-process.ts'
import { sharedServer } from './shared-server.ts'

export const mariadbProgram: ServerProgram = {
  names: ['mariadbd'],
  debianPackage: 'mariadb-server',
}

/** The MariaDB server of this test run; MySQL where MYSQL_URL says so. */
export const sharedMysql = sharedServer('mysql', 'MYSQL_URL')

export interface MariadbServerOptions {
  /** Whether what was committed survives a crash. Default false, which is faster. */
  readonly durable?: boolean
  /** Further settings, such as `['max-connections=20']`. */
  readonly settings?: readonly string[]
}

const USER = 'mysql'
const HASTY = ['innodb-flush-log-at-trx-commit=0', 'innodb-doublewrite=0']

/** Starts a MariaDB server of one's own, with an empty database `test`. */
export async function startMariadb(options: MariadbServerOptions = {}): Promise<DatabaseServer> {
  const { durable = false, settings = [] } = options
  const program = findProgram(mariadbProgram)
  if (program === undefined) throw new Error('There is no MariaDB on this machine.')
  const folder = serverFolder('mariadb', USER)
  const data = join(folder, 'data')
  const password = randomBytes(12).toString('hex')
  const firstStatements = join(folder, 'first.sql')
  writeFileSync(
    firstStatements,
    `CREATE DATABASE IF NOT EXISTS test;
GRANT ALL ON *.* TO tester@'127.0.0.1' IDENTIFIED BY '${password}' WITH GRANT OPTION;\n`,
  )
  await runAs(
    USER,
    installer(program),
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'],
    folder,
  )
  const port = await freePort()
  const chosen = [
    ...['bind-address=127.0.0.1', `port=${port}`, `socket=${join(folder, 'socket')}`],
    ...['max-connections=300', 'skip-name-resolve', 'innodb-buffer-pool-size=128M'],
    ...(durable ? ['innodb-flush-log-at-trx-commit=1'] : HASTY),
    ...settings,
  ]
  const command: ServerCommand = {
    folder,
    port,
    command: program,
    args: [
      ...['--no-defaults', `--datadir=${data}`, `--init-file=${firstStatements}`],
      ...chosen.map((setting) => `--${setting}`),
    ],
    user: USER,
    stopSignal: durable ? 'SIGTERM' : 'SIGKILL',
    isReady: () => isReady(port),
  }
  return startServer(command, `mysql://tester:${password}@127.0.0.1:${port}/test`)
}

function installer(program: string): string {
  const path = findProgram({
    names: ['mariadb-install-db'],
    debianPackage: mariadbProgram.debianPackage,
    folders: [join(dirname(program), '../bin')],
  })
  if (path === undefined) throw new Error('There is no mariadb-install-db on this machine.')
  return path
}

/** Its first packet greets: protocol 10, where an error would begin with 255. */
async function isReady(port: number): Promise<boolean> {
  const greeting = await firstAnswer(port, '')
  return greeting[4] === 10
}
