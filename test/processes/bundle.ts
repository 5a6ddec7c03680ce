import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'

/** A script for child processes in one file of its own, made of a source in TypeScript; `remove` takes it away. */
export const bundle = (
  source: URL,
  options: BuildOptions & { readonly format: 'esm' | 'cjs' },
): { readonly script: string; readonly remove: () => void } => {
  const built = mkdtempSync(join(tmpdir(), 'stowage-child-'))
  const script = join(built, options.format === 'esm' ? 'child.mjs' : 'child.cjs')
  buildSync({
    entryPoints: [source.pathname],
    outfile: script,
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    ...options,
  })
  return { script, remove: () => rmSync(built, { recursive: true, force: true }) }
}
