import { DatabaseSync } from 'node:sqlite'
import { startSharedServers } from './servers/shared-servers.ts'

let stopServers = async () => {}

/** Runs once before all test files. What has to be started for several of them starts here. */
export async function globalSetup(): Promise<void> {
  const database = new DatabaseSync(':memory:')
  const row = database.prepare('SELECT sqlite_version() AS version').get()
  database.close()
  console.log(`node ${process.versions.node}, node:sqlite ${row?.['version']}`)
  // The runner's arguments are the test files; its options are in execArgv.
  stopServers = await startSharedServers(process.argv.slice(1))
}

/** Runs once after all test files, also when some failed. */
export async function globalTeardown(): Promise<void> {
  await stopServers()
}
