// Builds every package: code by esbuild (ESM and CommonJS), types by tsc (for both module systems).
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build as bundle } from 'esbuild'
import { workerSource } from './worker-source.mjs'
import { packagesInOrder, root } from './workspace.mjs'

const formats = [
  { format: 'esm', extension: '.js', settings: {} },
  {
    format: 'cjs',
    extension: '.cjs',
    // CommonJS knows where it is by another name.
    settings: {
      define: { 'import.meta.url': 'importMetaUrl' },
      banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href" },
    },
  },
]

async function build() {
  const packages = packagesInOrder()
  for (const { directory } of packages) rmSync(join(directory, 'dist'), { recursive: true, force: true })
  await Promise.all(packages.flatMap((each) => formats.map((format) => emitCode(each, format))))
  // The types of a package are checked against the emitted types of the packages before it.
  for (const each of packages) emitTypes(each)
}

function emitCode({ directory, entries }, { format, extension, settings }) {
  return bundle({
    absWorkingDir: directory,
    entryPoints: entries,
    outdir: 'dist',
    outExtension: { '.js': extension },
    bundle: true,
    format,
    platform: 'node',
    target: 'node20.19',
    // Also a package's import of its own name: one copy of the engine, whichever entry came first.
    packages: 'external',
    tsconfig: 'tsconfig.build.json',
    // What V8 need not read at every start; names stay as they are, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [workerSource],
    ...settings,
  })
}

function emitTypes({ name, directory }) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: directory,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`the types of ${name} could not be emitted`)
  twinDeclarations(join(directory, 'dist/types'))
}

/** Beside each .d.ts its .d.cts: TypeScript takes the module system of a declaration from its extension. */
function twinDeclarations(directory) {
  for (const file of readdirSync(directory, { recursive: true })) {
    if (!file.endsWith('.d.ts')) continue
    const path = join(directory, file)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, withExtension(text, '.js'))
    writeFileSync(path.replace(/\.d\.ts$/, '.d.cts'), withExtension(text, '.cjs'))
  }
}

const relativeImport = /(\b(?:from|import|module)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.[jt]s(?=['"])/g

const withExtension = (text, extension) => text.replace(relativeImport, `$1${extension}`)

build().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
