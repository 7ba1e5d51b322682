import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** A database server in a temporary folder, on a port of 127.0.0.1 that nobody else has. */
export interface DatabaseServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Where its data and its log (`log`) are. */
  readonly folder: string
  /** Starts it again, after a `kill`, on the same data and the same port. */
  start(): Promise<void>
  /** Sends a signal to this very process; resolves when it has ended. Default SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

export interface ServerCommand {
  readonly folder: string
  readonly port: number
  readonly command: string
  readonly args: readonly string[]
  /** The user it runs as when this process is root. */
  readonly user?: string | undefined
  /** How it is asked to end quickly. */
  readonly stopSignal: NodeJS.Signals
  /** Resolves to true once it answers. */
  isReady(pid: number): Promise<boolean>
}

const START_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 10_000

// The shell becomes the server, and leaves a guard behind that reads from the process that wanted
// it. If that one ends without a word, even by kill -9, the guard stops the server and tidies up.
const SCRIPT = `
  {
    trap '' INT TERM HUP
    read -r word || {
      kill -"$1" $$
      for n in 1 2 3 4 5 6 7 8 9 10; do kill -0 $$ && sleep 0.5; done
      kill -KILL $$
      rm -rf "$0"
    }
  } <&3 >/dev/null 2>&1 &
  shift
  exec "$@" 3<&- >>"$0/log" 2>&1`

/** @param url what its clients are given */
export async function startServer(command: ServerCommand, url: string): Promise<DatabaseServer> {
  const server = new ServerProcess(command)
  const stop = () => server.stop()
  try {
    await server.start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    port: command.port,
    folder: command.folder,
    start: () => server.start(),
    kill: (signal) => server.kill(signal),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

class ServerProcess {
  readonly #command: ServerCommand
  #child: ChildProcess | undefined

  constructor(command: ServerCommand) {
    this.#command = command
  }

  async start(): Promise<void> {
    const { folder, command, args, user, stopSignal } = this.#command
    const given = [folder, stopSignal.replace('SIG', ''), command, ...args]
    const child = spawn('/bin/sh', ['-c', SCRIPT, ...given], {
      // In a group of its own: Ctrl-C is for the process that wanted it, and then for the guard.
      detached: true,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      ...identityOf(user),
    })
    child.unref()
    guardOf(child).on('error', () => {})
    guardOf(child).unref()
    this.#child = child
    await this.#untilReady(child)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    const ended = hasEnded(child) ? Promise.resolve() : once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
    await ended
    clearTimeout(timer)
    guardOf(child).end('ended\n')
  }

  async stop(): Promise<void> {
    await this.kill(this.#command.stopSignal)
    await rm(this.#command.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const { isReady, command, folder } = this.#command
    const deadline = performance.now() + START_WITHIN_MS
    const pid = child.pid ?? 0
    while (!(await isReady(pid).catch(() => false))) {
      if (!hasEnded(child) && performance.now() < deadline) {
        await sleep(20)
        continue
      }
      await this.kill()
      const log = readFileSync(join(folder, 'log'), 'utf8')
      throw new Error(`${command} did not start:\n${log.slice(-2000)}`)
    }
  }
}

function guardOf(child: ChildProcess): net.Socket {
  return child.stdio[3] as net.Socket
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

/** A new folder that belongs to the user whom a server runs as. */
export function serverFolder(name: string, user?: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sessile-${name}-`))
  const { uid, gid } = identityOf(user)
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid)
  return folder
}

/** Runs a program of a server to its end. */
export async function runAs(
  user: string | undefined,
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const { stdout } = await promisify(execFile)(command, [...args], { cwd, ...identityOf(user) })
  return stdout
}

/** Nothing unless this process is root and the user exists. */
function identityOf(user: string | undefined): { uid?: number; gid?: number } {
  if (user === undefined || process.getuid?.() !== 0) return {}
  const line = readFileSync('/etc/passwd', 'utf8').match(
    new RegExp(`^${user}:[^:]*:(\\d+):(\\d+)`, 'm'),
  )
  return line === null ? {} : { uid: Number(line[1]), gid: Number(line[2]) }
}

const given = new Set<number>()

/**
 * A port that is free now, below those that systems hand to outgoing connections: none of these can
 * take it while a server is down for a moment.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000)
    if (given.has(port)) continue
    given.add(port)
    const probe = net.createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

/** Connects, sends something, and resolves to the first bytes that come back. */
export async function firstAnswer(port: number, question: string): Promise<Buffer> {
  const socket = net.connect(port, '127.0.0.1')
  socket.setTimeout(2000, () => socket.destroy(new Error('no answer')))
  try {
    await once(socket, 'connect')
    socket.write(question, 'latin1')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer
  } finally {
    socket.destroy()
  }
}
