import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cert, key } from '../../packages/node/test/tls.ts'
import { redisServer } from './find-redis.ts'
import { freePort } from './ports.ts'
import { ask, type Reply } from './resp.ts'

/** Of the certificate that servers with TLS present, for `localhost` and `127.0.0.1`. */
export const certificate = cert

export interface ServerOptions {
  /** Of the default user. */
  readonly password?: string
  readonly tls?: boolean
  /** Further directives, as on the command line: `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[]
  /** Instead of a free one, to come back where another was. */
  readonly port?: number
  /** Instead of a new one: a server loads what another has saved there. */
  readonly directory?: string
}

/** A server process of one test's own. */
export interface RedisServer {
  readonly pid: number
  readonly port: number
  /** Where it speaks TLS; 0 where it does not. */
  readonly tlsPort: number
  readonly url: string
  /** Sends one command over a connection of its own. */
  command(...parts: string[]): Promise<Reply>
  /** The same with a password other than the one it was started with. */
  login(password: string, parts: readonly string[]): Promise<Reply>
  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void
  /** Kills it and starts another in its place, with what it has saved, and further arguments. */
  restart(args?: readonly string[]): Promise<RedisServer>
  /** Ends it, stopped or not, and removes its directory. */
  end(): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until `holds`, which may fail until then. */
export const eventually = async (
  holds: () => Promise<boolean> | boolean,
  what: string,
  ms = 15_000,
): Promise<void> => {
  const end = performance.now() + ms
  for (;;) {
    if (await Promise.resolve(holds()).catch(() => false)) return
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await pause(10)
  }
}

const tlsArguments = (directory: string, port: number): string[] => {
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  return [
    ...['--tls-port', String(port), '--tls-cert-file', certFile, '--tls-key-file', keyFile],
    ...['--tls-ca-cert-file', certFile, '--tls-auth-clients', 'no'],
  ]
}

const exited = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()))

interface Launched {
  readonly child: ChildProcess
  readonly output: () => string
}

const launch = (file: string, args: readonly string[], directory: string): Launched => {
  const child = spawn(file, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', (error) => {
    output = error.message
  })
  return { child, output: () => output }
}

/** Whether something answers at all: also with NOAUTH or LOADING. */
const answers = (port: number): Promise<boolean> =>
  ask(port, [['PING']], 1000).then(
    () => true,
    (error: Error) => /^(?:NOAUTH|LOADING|DENIED)/.test(error.message),
  )

/** Starts `redis-server` with its own directory on a free port, and waits until it answers. */
export const startRedis = async (options: ServerOptions = {}): Promise<RedisServer> => {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'stowage-redis-'))
  const port = options.port ?? (await freePort())
  const tlsPort = options.tls === true ? await freePort() : 0
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--repl-diskless-sync-delay', '0'],
    ...(options.password === undefined
      ? []
      : ['--requirepass', options.password, '--masterauth', options.password]),
    ...(tlsPort === 0 ? [] : tlsArguments(directory, tlsPort)),
    ...(options.args ?? []),
  ]
  return started(launch(redisServer(), args, directory), {
    directory,
    port,
    tlsPort,
    password: options.password,
    again: (more) => startRedis({ ...options, port, directory, args: [...(options.args ?? []), ...more] }),
  })
}

interface Place {
  readonly directory: string
  readonly port: number
  readonly tlsPort: number
  readonly password: string | undefined
  readonly again: (args: readonly string[]) => Promise<RedisServer>
}

const started = async ({ child, output }: Launched, place: Place): Promise<RedisServer> => {
  const { directory, port, tlsPort, password } = place
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited(child)
    rmSync(directory, { recursive: true, force: true })
  }
  const login = password === undefined ? [] : [['AUTH', password]]
  try {
    await eventually(() => {
      if (child.exitCode !== null) throw new Error('it has exited')
      return answers(port)
    }, 'the server answers')
  } catch (error) {
    await end()
    throw new Error(`redis-server did not start: ${output()}`, { cause: error })
  }
  return {
    pid: child.pid ?? 0,
    port,
    tlsPort,
    url: `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}/0`,
    command: (...parts) => ask(port, [...login, parts]),
    login: (other, parts) => ask(port, [['AUTH', other], parts]),
    signal: (name) => void child.kill(name),
    restart: async (more = []) => {
      child.kill('SIGKILL')
      await exited(child)
      return place.again(more)
    },
    end,
  }
}

/** Starts a Sentinel that watches `master` under the name `mymaster`. */
export const startSentinel = async (master: RedisServer, onPort?: number): Promise<RedisServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'stowage-sentinel-'))
  const port = onPort ?? (await freePort())
  const file = join(directory, 'sentinel.conf')
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds mymaster 500',
      'sentinel failover-timeout mymaster 2000',
      '',
    ].join('\n'),
  )
  const launched = launch(redisServer(), [file, '--sentinel'], directory)
  return started(launched, {
    directory,
    port,
    tlsPort: 0,
    password: undefined,
    again: () => startSentinel(master, port),
  })
}
