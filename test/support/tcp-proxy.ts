import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** Stands between a client and a server on this machine, and does to them what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** The same URL with the host and port of the proxy. */
  through(url: string): string
  /** How many connections are open. */
  readonly connectionCount: number
  /** Passes everything on again, on the connections that are left and on new ones. */
  pass(): void
  /** Holds back everything that either side says for so long, from now on. */
  delay(milliseconds: number): void
  /** Resets all connections, and each new one. */
  cut(): void
  /** Resets the connections that are open now; new ones work. */
  cutOnce(): void
  /**
   * Swallows everything: nothing arrives anywhere, and nobody is told. A connection that has lost
   * something stays so, as behind a firewall that has forgotten it.
   */
  blackhole(): void
  /**
   * Throws the next answer of the server away and resets its connection: the server has done what it
   * was asked to, and the client never learns of it. Resolves when that has happened.
   */
  loseNextAnswer(): Promise<void>
}

type Pair = readonly [client: net.Socket, server: net.Socket]

type Mode = 'pass' | 'cut' | 'blackhole'

export async function tcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: Mode = 'pass'
  let delayMs = 0
  let onLostAnswer: (() => void) | undefined
  const pairs = new Set<Pair>()
  const deaf = new WeakSet<Pair>()

  const proxy = net.createServer((client) => {
    const server = net.connect(targetPort, '127.0.0.1')
    const pair: Pair = [client, server]
    pairs.add(pair)
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('data', (bytes: Buffer) => {
        if (from === server && onLostAnswer !== undefined) {
          const resolve = onLostAnswer
          onLostAnswer = undefined
          reset(pair)
          resolve()
        } else {
          later(pair, () => to.write(bytes))
        }
      })
      from.on('end', () => later(pair, () => to.end()))
      from.on('close', () => {
        pairs.delete(pair)
        later(pair, () => to.destroy())
      })
    }
    if (mode === 'cut') reset(pair)
  })

  function later(pair: Pair, act: () => void): void {
    if (mode === 'blackhole') deaf.add(pair)
    if (deaf.has(pair)) return
    if (delayMs === 0) act()
    else setTimeout(act, delayMs)
  }

  function reset(pair: Pair): void {
    for (const socket of pair) socket.resetAndDestroy()
  }

  function resetAll(): void {
    for (const pair of pairs) reset(pair)
    pairs.clear()
  }

  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo

  return {
    port,
    through(url) {
      const changed = new URL(url)
      changed.host = `127.0.0.1:${port}`
      return changed.href
    },
    get connectionCount() {
      return pairs.size
    },
    pass() {
      mode = 'pass'
      delayMs = 0
    },
    delay(milliseconds) {
      delayMs = milliseconds
    },
    cut() {
      mode = 'cut'
      resetAll()
    },
    cutOnce: resetAll,
    blackhole() {
      mode = 'blackhole'
    },
    loseNextAnswer: () =>
      new Promise((resolve) => {
        onLostAnswer = resolve
      }),
    async [Symbol.asyncDispose]() {
      resetAll()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
