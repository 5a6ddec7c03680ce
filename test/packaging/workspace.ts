import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | ExportConditions>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

interface ExportConditions {
  readonly import: { readonly types: string; readonly default: string }
}

export interface Package {
  /** The last part of its name: `core`. */
  readonly folder: string
  readonly directory: string
  readonly manifest: Manifest
  /** The emitted declarations of its entry points. */
  readonly declarations: readonly string[]
}

export interface SourceFile {
  /** Relative to the package's `src`, with slashes: `semantics/vary.ts`. */
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

export interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
}

export const packages: readonly Package[] = readdirSync(join(root, 'packages'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => readPackage(entry.name))

function readPackage(folder: string): Package {
  const directory = join(root, 'packages', folder)
  const manifest: Manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const declarations = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [] : [join(directory, target.import.types)],
  )
  return { folder, directory, manifest, declarations }
}

/** The TypeScript files under a package's `src`. */
export function sourcesOf({ directory }: Package): SourceFile[] {
  const base = join(directory, 'src')
  return filesUnder(base, '.ts').map((file) => {
    const text = readFileSync(file, 'utf8')
    return { path: relative(base, file).replaceAll('\\', '/'), text, imports: importsIn(text) }
  })
}

export function filesUnder(directory: string, extension: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(extension))
    .map((path) => join(directory, path))
    .sort()
}

const declaration =
  /^(?:import|export)\s+(type\s+)?(?:[\w$]+\s*,?\s*)?(?:\*(?:\s+as\s+[\w$]+)?|\{[^}]*\})?\s*from\s+['"]([^'"]+)['"]/gm
const sideEffect = /^import\s+['"]([^'"]+)['"]/gm
const lazy = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g

/** What a formatted source file imports or exports again; lazy imports and `import()` types count as well. */
export function importsIn(text: string): Import[] {
  const code = withoutComments(text)
  const declared = [...code.matchAll(declaration)].map(([, type, specifier = '']) => ({
    specifier,
    typeOnly: type !== undefined,
  }))
  const others = [...code.matchAll(sideEffect), ...code.matchAll(lazy)]
  return [...declared, ...others.map(([, specifier = '']) => ({ specifier, typeOnly: false }))]
}

/** A comment begins a line or follows a space, so that `'/docs/**'` and `'http://…'` stay. */
export const withoutComments = (text: string): string =>
  text.replace(/(^|\s)\/\*[\s\S]*?\*\//g, '$1').replace(/(^|\s)\/\/.*$/gm, '$1')

/** The package that a bare specifier names: `lru-cache`, `@stowage/core`; undefined for paths and built-ins. */
export function packageNamed(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  const [first = '', second = ''] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}
