import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SqliteBackend, type SqliteOptions, sqlite } from '../src/index.ts'

/** In memory where there is such a place: how slow the disk is does not matter to most tests. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** A directory of its own for one database. */
export interface Site extends AsyncDisposable {
  readonly path: string
  /** Another backend on the same database; closed with the site. */
  open(options?: SqliteOptions): SqliteBackend
  remove(): Promise<void>
}

export const createSite = (): Site => {
  const directory = mkdtempSync(join(base, 'stowage-sqlite-'))
  const path = join(directory, 'cache.db')
  const opened: SqliteBackend[] = []
  const remove = async (): Promise<void> => {
    await Promise.all(opened.map((backend) => backend.close()))
    rmSync(directory, { recursive: true, force: true })
  }
  return {
    path,
    open: (options = {}) => {
      const backend = sqlite({ path, ...options })
      opened.push(backend)
      return backend
    },
    remove,
    [Symbol.asyncDispose]: remove,
  }
}
