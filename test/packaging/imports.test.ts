import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Import, type Package, packageNamed, packages, type SourceFile, sourcesOf } from './workspace.ts'

/** Where a file of core may reach; the first rule that fits it counts. Paths from `src`, or bare specifiers. */
const coreRules: readonly (readonly [file: RegExp, may: RegExp])[] = [
  [/^semantics\//, /^(?:semantics\/.*|(?:message|field-table)\.ts)$/],
  [
    /^backends\/memory-entries\.ts$/,
    /^(?:backends\/.*|(?:backend|builtin|checksum|message|errors|health|members|options|durations|within|guarded|tag-table|glob)\.ts|node:.*|lru-cache)$/,
  ],
  [
    /^backends\//,
    /^(?:backends\/.*|(?:backend|bounded-map|builtin|checksum|message|errors|health|members|options|durations|within|guarded|tag-table|glob)\.ts|node:.*)$/,
  ],
  [/^testing\//, /^(?:testing\/.*|node:.*|@stowage\/core)$/],
  [/^(?:cache|cache-parts|invalidations|adapter-calls)\.ts$/, /^(?!backends\/|testing\/|@stowage\/)/],
  [/^/, /^(?!testing\/|@stowage\/)/],
]

const adapterRules: Readonly<Record<string, RegExp>> = {
  node: /^(?:@stowage\/core|node:.*|[^:@]+\.ts)$/,
  fastify: /^(?:@stowage\/core|@stowage\/node|fastify|fastify-plugin|node:.*|[^:@]+\.ts)$/,
  koa: /^(?:@stowage\/core|@stowage\/node|koa|node:.*|[^:@]+\.ts)$/,
  express: /^(?:@stowage\/core|@stowage\/node|express|node:.*|[^:@]+\.ts)$/,
  sqlite: /^(?:@stowage\/core|better-sqlite3|node:.*|[^:@]+\.ts)$/,
  redis: /^(?:@stowage\/core|ioredis|node:.*|[^:@]+\.ts)$/,
}

/** A relative specifier as a path from `src`; others as they are. */
const targetOf = (file: SourceFile, { specifier }: Import): string =>
  specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : specifier

function allowedTargets({ folder }: Package, file: SourceFile): RegExp {
  if (folder === 'core') return coreRules.find(([fits]) => fits.test(file.path))?.[1] ?? /^$/
  const rule = adapterRules[folder]
  if (rule === undefined) throw new Error(`packages/${folder} has no import rule; state one in this file`)
  return rule
}

describe.each(packages)('the sources of $folder', (each) => {
  const sources = sourcesOf(each)

  test('exist', () => {
    expect(sources.map(({ path }) => path)).toContain('index.ts')
  })

  test('import only what the architecture allows them', () => {
    const broken = sources.flatMap((file) => {
      const may = allowedTargets(each, file)
      const targets = file.imports.map((imported) => targetOf(file, imported))
      return targets.filter((target) => !may.test(target)).map((target) => `${file.path} imports ${target}`)
    })
    expect(broken).toEqual([])
  })

  test('import nothing from outside the package by path, and files that exist', () => {
    const paths = new Set(sources.map(({ path }) => path))
    const broken = sources.flatMap((file) =>
      file.imports
        .filter(
          ({ specifier }) =>
            specifier.startsWith('.') && !paths.has(targetOf(file, { specifier, typeOnly: false })),
        )
        .map(({ specifier }) => `${file.path} imports ${specifier}`),
    )
    expect(broken).toEqual([])
  })

  test('import in no circle', () => {
    expect(circlesAmong(sources)).toEqual([])
  })

  test('use exactly the packages that the manifest declares', () => {
    const used = sources.flatMap(({ imports }) => imports.map(({ specifier }) => packageNamed(specifier)))
    const others = new Set(used.filter((name) => name !== undefined && name !== each.manifest.name))
    const declared = Object.keys({ ...each.manifest.dependencies, ...each.manifest.peerDependencies })
    expect([...others].sort()).toEqual(declared.sort())
  })

  test('take only types from a peer', () => {
    const peers = new Set(Object.keys(each.manifest.peerDependencies ?? {}))
    const loaded = sources.flatMap((file) =>
      file.imports
        .filter(({ specifier, typeOnly }) => !typeOnly && peers.has(specifier))
        .map(({ specifier }) => `${file.path} loads ${specifier}`),
    )
    expect(loaded).toEqual([])
  })
})

/** Every circle once, as the path that closes it. */
function circlesAmong(sources: readonly SourceFile[]): string[] {
  const byPath = new Map(sources.map((file) => [file.path, file]))
  const finished = new Set<string>()
  const circles: string[] = []
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    const start = trail.indexOf(file.path)
    if (start !== -1) circles.push([...trail.slice(start), file.path].join(' → '))
    if (start !== -1 || finished.has(file.path)) return
    for (const imported of file.imports) {
      const next = byPath.get(targetOf(file, imported))
      if (next !== undefined) visit(next, [...trail, file.path])
    }
    finished.add(file.path)
  }
  for (const file of sources) visit(file, [])
  return circles
}
