import { type ChildProcess, type ForkOptions, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const shop = join(root, 'examples/shop')

/** The examples run from the built packages, as an application does. */
export function requireBuild(): void {
  const missing = ['core', 'node', 'express', 'koa', 'fastify', 'redis', 'sqlite'].filter(
    (folder) => !existsSync(join(root, `packages/${folder}/dist/index.js`)),
  )
  if (missing.length > 0) throw new Error(`not built: ${missing.join(', ')}. Run npm run build first`)
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script to its end, with the Node that runs the tests. */
export async function runScript(args: readonly string[], cwd: string): Promise<Finished> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const [code] = await once(child, 'close')
  return { code, ...output }
}

/** Tells the port of the first server that listens: a script that serves need not print it. */
const tellPort = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:net'
  const listen = Server.prototype.listen
  Server.prototype.listen = function (...args) {
    this.once('listening', () => process.send({ port: this.address().port }))
    return listen.apply(this, args)
  }
`)}`

export interface Serving extends AsyncDisposable {
  readonly port: number
  /** What it has printed so far. */
  readonly stdout: () => string
  /** Ends it by a signal; its exit code. */
  stop(): Promise<number | null>
}

/** Starts a script that serves on the port that PORT names, here any free one. */
export async function serveScript(
  file: string,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const options: ForkOptions = {
    cwd,
    env: { ...process.env, ...env, PORT: '0' },
    execArgv: ['--import', tellPort],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  }
  const child = fork(file, options)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const port = await Promise.race([
    once(child, 'message').then(([message]) => (message as { port: number }).port),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${file} ended with ${code}: ${stderr}`))),
  ])
  const stop = (): Promise<number | null> => stopChild(child)
  return { port, stdout: () => stdout, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}

async function stopChild(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  // The channel would keep it alive.
  if (child.connected) child.disconnect()
  child.kill('SIGTERM')
  const [code] = await exited
  return code
}

export interface Visit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly cacheStatus: string
  readonly body: string
}

export const visit = (port: number, path: string, how: Visit = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = how
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request({ port, path, method, headers: { ...type, ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          cacheStatus: String(response.headers['cache-status'] ?? ''),
          body: text,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
