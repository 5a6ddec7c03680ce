import { mkdirSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { measure } from './pinned.mjs'
import { median } from './rounds.mjs'

const directory = fileURLToPath(new URL('../node_modules/.cache/stowage/', import.meta.url))
const startups = 7

/** What the package keeps to itself, bundled as it is built. */
async function bundleInternals() {
  const outfile = `${directory}bench-internals.mjs`
  mkdirSync(directory, { recursive: true })
  const core = fileURLToPath(new URL('../packages/core/src/', import.meta.url))
  const modules = ['codec', 'key', 'policy'].map((name) => `export * from './${name}.ts'`)
  await build({
    stdin: { contents: modules.join('\n'), resolveDir: core },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  })
  return pathToFileURL(outfile).href
}

/** Codec, key, lookups and insertions without a framework, and what starting costs. */
export async function measureParts({ report }) {
  report('parts')
  const parts = await measure('micro.mjs', [await bundleInternals()])
  const times = []
  for (let i = 0; i < startups; i += 1) times.push(await measure('startup.mjs'))
  return { ...parts, startup: median(times) }
}
