import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { CacheConfigError } from '@stowage/core'
import type { DriverChoice } from './calls.ts'
import type { SqliteOptions } from './options.ts'

type Found = { readonly choice: DriverChoice } | { readonly problem: string }

const require = createRequire(import.meta.url)

const builtin = 'node:sqlite'
const addon = 'better-sqlite3'

const nodeMajor = Number.parseInt(process.versions.node, 10)
/** The first that is built on Node-API. */
const safeMajor = 13

const versionOf = (file: string): string => {
  try {
    return (require(join(dirname(file), '..', 'package.json')) as { version: string }).version
  } catch {
    return ''
  }
}

/**
 * What objects of an addon that is not built on Node-API do from Node 24 on: they end the process when they are
 * collected while no JavaScript runs.
 */
const problemWith = (file: string): string | undefined => {
  const version = versionOf(file)
  if (nodeMajor < 24 || version === '' || Number.parseInt(version, 10) >= safeMajor) return undefined
  return `${addon} ${version} can end the process on Node ${nodeMajor}. Run: npm install ${addon}@${safeMajor}`
}

const findAddon = (): Found => {
  let file: string
  try {
    file = require.resolve(addon)
  } catch {
    return { problem: `package "${addon}" is not installed. Run: npm install ${addon}` }
  }
  const problem = problemWith(file)
  if (problem !== undefined) return { problem }
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
