import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A server program that tests need: the names it may have, Debian's package of it, and how to get it, in one line. */
export interface ServerProgram {
  readonly names: readonly string[]
  readonly debian: string
  readonly missing: string
}

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

/** What Debian does to install a package, as root or where sudo asks for no password; one process at a time. */
const install = (name: string): void => {
  if (onPath('apt-get') === undefined) return
  const root = process.getuid?.() === 0
  const script = `apt-get update && apt-get install -y --no-install-recommends ${name}`
  const locked = ['flock', '/tmp/stowage-server-install.lock', 'sh', '-c', script]
  const [command = '', ...args] = root ? locked : ['sudo', '-n', ...locked]
  // Nothing may ask questions, and the package's own service is not wanted.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  spawnSync(command, args, { env, stdio: 'ignore', timeout: 180_000 })
}

/** The file of a program, installed where it may be; throws the line that says how to get one. */
export const findServer = ({ names, debian, missing }: ServerProgram): string => {
  const found = (): string | undefined => names.map(onPath).find((file) => file !== undefined)
  const there = found()
  if (there !== undefined) return there
  install(debian)
  const installed = found()
  if (installed === undefined) throw new Error(missing)
  return installed
}
