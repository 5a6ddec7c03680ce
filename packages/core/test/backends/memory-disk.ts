import { constants } from 'node:fs'
import { dirname } from 'node:path'
import type { FileFacts, FileSystem, FolderEntry, OpenFile } from '../../src/backends/file-system.ts'

interface Node {
  readonly ino: number
  bytes: Buffer
  mtimeMs: number
}

/** Carries a step of one process out, when its turn comes; never, where the process was killed. */
export type Step = <T>(act: () => T) => Promise<T>

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })

/** What several processes share: files by path, each of them one `Node` however many names it has. */
export class MemoryDisk {
  readonly files = new Map<string, Node>()
  readonly folders = new Set<string>()
  #inodes = 0

  create(path: string): Node {
    if (!this.folders.has(dirname(path))) throw failure('ENOENT', path)
    this.#inodes++
    const node = { ino: this.#inodes, bytes: Buffer.alloc(0), mtimeMs: Date.now() }
    this.files.set(path, node)
    return node
  }

  find(path: string): Node {
    const node = this.files.get(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }

  makeFolder(path: string): void {
    for (let folder = path; !this.folders.has(folder); folder = dirname(folder)) this.folders.add(folder)
  }
}

const factsOf = (node: Node | undefined): FileFacts => ({
  size: node?.bytes.length ?? 0,
  mtimeMs: node?.mtimeMs ?? 0,
  ino: node?.ino ?? 0,
  mode: 0o700,
  uid: process.geteuid?.() ?? 0,
  isFile: () => node !== undefined,
  isDirectory: () => node === undefined,
  isSymbolicLink: () => false,
})

/** The disk as one process sees it. `cut` says how much of a write is done where the process is killed in its midst. */
export const viewOf = (
  disk: MemoryDisk,
  step: Step,
  cut: (length: number) => number = (n) => n,
): FileSystem => {
  const facts = (path: string): FileFacts =>
    disk.folders.has(path) ? factsOf(undefined) : factsOf(disk.find(path))
  const fileOf = (node: Node): OpenFile => ({
    stat: () => step(() => factsOf(node)),
    read: (into, offset, length, position) =>
      step(() => {
        const part = node.bytes.subarray(position, position + length)
        into.set(part, offset)
        return { bytesRead: part.length }
      }),
    write: (from, offset, length) =>
      step(() => {
        const done = Buffer.from(from.subarray(offset, offset + cut(length)))
        node.bytes = Buffer.concat([node.bytes, done])
        return { bytesWritten: done.length }
      }),
    datasync: () => step(() => undefined),
    close: () => step(() => undefined),
  })
  return {
    open: (path, flags) =>
      step(() => {
        const there = disk.files.has(path)
        if (there && (flags & constants.O_EXCL) !== 0) throw failure('EEXIST', path)
        return fileOf(there || (flags & constants.O_CREAT) === 0 ? disk.find(path) : disk.create(path))
      }),
    opendir: (path) =>
      step(() => {
        if (!disk.folders.has(path)) throw failure('ENOENT', path)
        const names = [...disk.files.keys()].filter((file) => dirname(file) === path)
        return listOf(names.map((name) => name.slice(path.length + 1)))
      }),
    mkdir: (path) => step(() => disk.makeFolder(path)),
    stat: (path) => step(() => facts(path)),
    lstat: (path) => step(() => facts(path)),
    rename: (from, to) =>
      step(() => {
        disk.files.set(to, disk.find(from))
        disk.files.delete(from)
      }),
    link: (from, to) =>
      step(() => {
        if (disk.files.has(to)) throw failure('EEXIST', to)
        disk.files.set(to, disk.find(from))
      }),
    unlink: (path) =>
      step(() => {
        disk.find(path)
        disk.files.delete(path)
      }),
    utimes: (path, _atime, mtime) =>
      step(() => {
        disk.find(path).mtimeMs = mtime * 1000
      }),
  }
}

async function* listOf(names: readonly string[]): AsyncGenerator<FolderEntry> {
  for (const name of names) yield { name, isFile: () => true }
}
