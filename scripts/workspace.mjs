import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

export const rootManifest = readJson(`${root}package.json`)

/** The published packages, each after the ones that it depends on. */
export function packagesInOrder() {
  const directories = readdirSync(`${root}packages`, { withFileTypes: true }).filter((d) => d.isDirectory())
  const packages = directories.map(({ name }) => {
    const directory = `${root}packages/${name}`
    const manifest = readJson(`${directory}/package.json`)
    return { name: manifest.name, directory, manifest, entries: entriesOf(manifest) }
  })
  return sortByDependency(packages)
}

/** The entry points that `exports` names: output name → source file. */
function entriesOf(manifest) {
  const conditions = Object.values(manifest.exports).filter((target) => typeof target !== 'string')
  return Object.fromEntries(
    conditions.map(({ import: { types, default: code } }) => [
      code.replace(/^\.\/dist\/|\.js$/g, ''),
      types.replace('./dist/types/', 'src/').replace('.d.ts', '.ts'),
    ]),
  )
}

function sortByDependency(packages) {
  const byName = new Map(packages.map((p) => [p.name, p]))
  const sorted = new Set()
  const visit = (current) => {
    for (const name of Object.keys(current.manifest.dependencies ?? {})) {
      const dependency = byName.get(name)
      if (dependency !== undefined) visit(dependency)
    }
    sorted.add(current)
  }
  packages.forEach(visit)
  return [...sorted]
}
