export type SharedServerName = 'postgres' | 'mysql' | 'redis' | 'redis-cluster'

/** A server that the whole test run shares, or the reason why there is none. */
export interface SharedServer {
  /** Empty if the server is not there. */
  readonly url: string
  /** For the option `skip` of tests. False if the server is there. */
  readonly skip: string | false
}

/**
 * What the test run (`test/support/global-setup.ts`) or the user says about a server.
 *
 * @param ownVariable names the server that the user wants to be used
 */
export function sharedServer(name: SharedServerName, ownVariable: string): SharedServer {
  const find = () => process.env[urlVariable(name)] ?? process.env[ownVariable]
  return {
    get url() {
      return find() ?? ''
    },
    get skip() {
      if (find() !== undefined) return false
      return process.env[skipVariable(name)] ?? `run it by npm test, or set ${ownVariable}`
    },
  }
}

export function urlVariable(name: SharedServerName): string {
  return `SESSILE_TEST_${name.toUpperCase().replace('-', '_')}_URL`
}

export function skipVariable(name: SharedServerName): string {
  return `SESSILE_TEST_${name.toUpperCase().replace('-', '_')}_SKIP`
}
