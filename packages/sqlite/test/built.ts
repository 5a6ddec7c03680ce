import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { workerSource } from '../../../scripts/worker-source.mjs'
import { Database } from './library.ts'

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const packageUrl = JSON.stringify(new URL('../src/driver-choice.ts', import.meta.url).href)

/** Makes a script out of one of this folder; better-sqlite3 is loaded from where it is, or with `inPlace` from where the script lies. */
export const buildChild = async (name = 'child.ts', { inPlace = false } = {}): Promise<string> => {
  const outfile = join(mkdtempSync(join(tmpdir(), 'stowage-child-')), 'child.mjs')
  await build({
    entryPoints: [fileOf(name)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [workerSource as never],
    alias: {
      '@stowage/core/testing': fileOf('../../core/src/testing/index.ts'),
      '@stowage/core': fileOf('../../core/src/index.ts'),
    },
    define: inPlace ? {} : { 'import.meta.url': packageUrl },
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(process.cwd() + '/');",
    },
    logLevel: 'warning',
  })
  return outfile
}

/** A connection of the test's own, in this process and thread. */
export const openDatabase = (path: string): InstanceType<typeof Database> => new Database(path)
