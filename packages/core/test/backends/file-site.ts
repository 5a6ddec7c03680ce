import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { placeOf } from '../../src/backends/file-entry.ts'
import { type FileOptions, readFileOptions } from '../../src/backends/file-options.ts'
import { FileStore } from '../../src/backends/file-store.ts'
import { disk, type FileSystem } from '../../src/backends/file-system.ts'

/** A directory that goes when the test is over. */
export const newDirectory = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-file-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A store on its own directory, or on the one given. */
export const openStore = async (
  options: FileOptions = {},
  fs: FileSystem = disk,
): Promise<{
  readonly store: FileStore
  readonly directory: string
  readonly placeOf: (key: string) => string
}> => {
  const directory = options.directory ?? (await newDirectory())
  const store = new FileStore(readFileOptions({ ...options, directory }), fs)
  onTestFinished(() => store.close())
  return { store, directory, placeOf: (key) => placeOf(directory, key) }
}

/** Every file under a directory. */
export const filesUnder = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Waits for what happens in the background. */
export const until = async (holds: () => Promise<boolean> | boolean, withinMs = 10_000): Promise<void> => {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms`)
    await new Promise((resume) => setTimeout(resume, 10))
  }
}
