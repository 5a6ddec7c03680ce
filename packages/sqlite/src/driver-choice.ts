import { createRequire, isBuiltin } from 'node:module'
import { CacheConfigError } from '@stowage/core'
import type { DriverChoice } from './calls.ts'
import type { SqliteOptions } from './options.ts'

type Found = { readonly choice: DriverChoice } | { readonly problem: string }

const require = createRequire(import.meta.url)

const builtin = 'node:sqlite'
const addon = 'better-sqlite3'

const findAddon = (): Found => {
  let file: string
  try {
    file = require.resolve(addon)
  } catch {
    return { problem: `package "${addon}" is not installed. Run: npm install ${addon}` }
  }
  try {
    // Loading the package does not load what was compiled; opening something does.
    const Database = require(file) as new (path: string) => { close(): void }
    new Database(':memory:').close()
    return { choice: { name: addon, file } }
  } catch (error) {
    const [first] = String(error instanceof Error ? error.message : error).split('\n')
    return { problem: `${addon} cannot be loaded (${first}). Run: npm rebuild ${addon}` }
  }
}

const findBuiltin = (): Found =>
  isBuiltin(builtin)
    ? { choice: { name: builtin } }
    : { problem: `Node ${process.versions.node} has no ${builtin}; 22.13 and later have it` }

const refuse = (received: unknown, problems: readonly string[]): never => {
  const message = `sqlite: ${problems.join('. Or: ')}.`
  const code = 'CACHE_CONFIG_DEPENDENCY'
  throw new CacheConfigError([
    { code, path: 'sqlite.driver', received, message, hint: `npm install ${addon}` },
  ])
}

/** The library to use, tried before it is chosen; throws `CACHE_CONFIG_DEPENDENCY` where there is none. */
export const chooseDriver = (wanted: SqliteOptions['driver']): DriverChoice => {
  const finders =
    wanted === addon ? [findAddon] : wanted === builtin ? [findBuiltin] : [findAddon, findBuiltin]
  const problems: string[] = []
  for (const find of finders) {
    const found = find()
    if ('choice' in found) return found.choice
    problems.push(found.problem)
  }
  return refuse(wanted, problems)
}
