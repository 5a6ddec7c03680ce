import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['redis-server', 'valkey-server'] as const

const onPath = (name: string): string | undefined =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

const found = (): string | undefined => names.map(onPath).find((file) => file !== undefined)

/** What Debian does to install the server, as root or where sudo asks for no password; one process at a time. */
const install = (): void => {
  if (onPath('apt-get') === undefined) return
  const root = process.getuid?.() === 0
  const script = 'apt-get update && apt-get install -y --no-install-recommends redis-server'
  const locked = ['flock', '/tmp/stowage-redis-install.lock', 'sh', '-c', script]
  const [command = '', ...args] = root ? locked : ['sudo', '-n', ...locked]
  // Nothing may ask questions, and the package's own service is not wanted.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  spawnSync(command, args, { env, stdio: 'ignore', timeout: 180_000 })
}

/** How to get what is missing, in one line. */
export const missingServer =
  'These tests need redis-server or valkey-server on the PATH: apt-get install -y redis-server, or brew install redis.'

let server: string | undefined

/** The file of a server, installed where it may be; throws a line that says how to get one. */
export const redisServer = (): string => {
  server ??= found()
  if (server === undefined) {
    install()
    server = found()
  }
  if (server === undefined) throw new Error(missingServer)
  return server
}
