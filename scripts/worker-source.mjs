// A `worker-source.ts` stands for the code of the `worker.ts` beside it, bundled into one text.
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const isSource = /[\\/]worker-source\.ts$/

async function textOf(path) {
  const { outputFiles } = await build({
    entryPoints: [join(dirname(path), 'worker.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    minifyWhitespace: true,
    logLevel: 'warning',
  })
  return `export const workerSource = ${JSON.stringify(outputFiles[0].text)}`
}

/** For esbuild. */
export const workerSource = {
  name: 'worker-source',
  setup: (bundler) =>
    bundler.onLoad({ filter: isSource }, async ({ path }) => ({ contents: await textOf(path) })),
}

/** For Vite, and so for the tests. */
export const viteWorkerSource = {
  name: 'worker-source',
  enforce: 'pre',
  load: (id) => (isSource.test(id) ? textOf(id) : undefined),
}
