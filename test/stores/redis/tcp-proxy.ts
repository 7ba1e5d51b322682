import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** A way to a server of 127.0.0.1 on which things go wrong. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** How long bytes are on their way in each direction. */
  delayMs: number
  /** Holds up everything, in both directions, until it is called with false. */
  hold(held: boolean): void
  /** Loses what the server answers from now on; ends with the connections it concerns. */
  loseAnswers(): void
  /** Ends all connections. */
  cut(): void
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
  losesAnswers: boolean
}

export async function startProxy(target: number): Promise<TcpProxy> {
  const connections = new Set<Connection>()
  let held: (() => void)[] | undefined
  let delayMs = 0

  const relay = (to: Socket, bytes: Buffer) => {
    const send = () => void (to.destroyed || to.write(bytes))
    if (held !== undefined) held.push(send)
    else if (delayMs > 0) setTimeout(send, delayMs)
    else send()
  }
  const listener = net.createServer((client) => {
    const server = net.connect(target, '127.0.0.1')
    const connection = { client, server, losesAnswers: false }
    connections.add(connection)
    client.on('data', (bytes: Buffer) => relay(server, bytes))
    server.on('data', (bytes: Buffer) => {
      if (!connection.losesAnswers) relay(client, bytes)
    })
    const end = () => {
      connections.delete(connection)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.on('error', end).on('close', end)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  const cut = () => {
    for (const { client, server } of connections) {
      client.destroy()
      server.destroy()
    }
  }
  return {
    port: (listener.address() as AddressInfo).port,
    get delayMs() {
      return delayMs
    },
    set delayMs(value) {
      delayMs = value
    },
    hold(holds) {
      const waiting = held ?? []
      held = holds ? waiting : undefined
      if (!holds) for (const send of waiting) send()
    },
    loseAnswers() {
      for (const connection of connections) connection.losesAnswers = true
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = once(listener, 'close')
      listener.close()
      cut()
      await closed
    },
  }
}
