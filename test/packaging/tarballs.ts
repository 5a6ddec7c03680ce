import { cpSync, existsSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { run } from './command.ts'
import { type Package, packages, root } from './workspace.ts'

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Packs a package as it is published, into `directory`; the tarball's path. */
export async function pack({ directory: cwd, manifest }: Package, directory: string): Promise<string> {
  const name = manifest.name.replace('@', '').replace('/', '-')
  const tarball = join(directory, `${name}-${manifest.version}.tgz`)
  await run('npx', ['--yes', packageManager, 'pack', '--pack-destination', directory], { cwd })
  if (!existsSync(tarball)) throw new Error(`${tarball} was not written`)
  return tarball
}

/** Packs what our packages depend on from where it is installed here, so that installing them needs no network. */
export async function packDependencies(directory: string): Promise<string[]> {
  const found = new Set<string>()
  for (const each of packages)
    collect(each.manifest.dependencies, join(each.directory, 'node_modules'), found)
  return Promise.all([...found].map((installed, index) => packInstalled(installed, directory, index)))
}

async function packInstalled(installed: string, directory: string, index: number): Promise<string> {
  const tarball = join(directory, `dependency-${index}.tgz`)
  const copy = join(directory, `dependency-${index}`)
  // Copied first: equal files of a package are links to one another in the store, which npm does not unpack.
  cpSync(installed, copy, { recursive: true, filter: (path) => basename(path) !== 'node_modules' })
  await run('tar', ['-czf', tarball, '-C', directory, basename(copy)], { cwd: directory })
  rmSync(copy, { recursive: true })
  return tarball
}

function collect(
  dependencies: Package['manifest']['dependencies'],
  modules: string,
  found: Set<string>,
): void {
  for (const name of Object.keys(dependencies ?? {})) {
    if (name.startsWith('@stowage/')) continue
    const directory = realpathSync(join(modules, name))
    if (found.has(directory)) continue
    found.add(directory)
    const manifest: Package['manifest'] = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    // In the store, what a package depends on lies beside it.
    collect(manifest.dependencies, directory.slice(0, -name.length), found)
  }
}
