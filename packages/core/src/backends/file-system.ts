import * as promises from 'node:fs/promises'
import { fileConstants as constants } from '../builtin.ts'

/** What a file is asked for. */
export interface FileFacts {
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
  readonly mode: number
  readonly uid: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** An open file, as `node:fs/promises` has it. */
export interface OpenFile {
  stat(): Promise<FileFacts>
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
  write(from: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface FolderEntry {
  readonly name: string
  isFile(): boolean
}

/** What the file backend asks of a file system: a seam at which every failure of a disk can be put. */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<OpenFile>
  opendir(path: string): Promise<AsyncIterable<FolderEntry>>
  mkdir(path: string, options: { readonly recursive: boolean; readonly mode: number }): Promise<unknown>
  stat(path: string): Promise<FileFacts>
  lstat(path: string): Promise<FileFacts>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  utimes(path: string, atime: number, mtime: number): Promise<void>
}

/** The disk itself. */
export const disk: FileSystem = promises

export const folderMode = 0o700
export const fileMode = 0o600

/** Neither follows a link nor waits for the other end of a pipe, whatever somebody put there. */
export const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
export const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
/** Each write goes to the end of the file as it then is; the file has to be there. */
export const appendFlags =
  constants.O_RDWR | constants.O_APPEND | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined

/** Whether there is no such file, or no directory that it could lie in. */
export const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(String(codeOf(error)))

export const isThere = (error: unknown): boolean => codeOf(error) === 'EEXIST'

/** Undefined where there is no such file. */
export const unlessMissing = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** What cannot be opened because it is no file: a link, or a folder. */
export const unlessOdd = async <T>(work: Promise<T>): Promise<T | 'odd'> => {
  try {
    return await work
  } catch (error) {
    if (['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO'].includes(String(codeOf(error)))) return 'odd'
    throw error
  }
}

/** All of a file from `position` on, or as much of it as `length`. */
export const readFrom = async (file: OpenFile, position: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

/** In one call, or as an error: a disk that is full takes the beginning of what it is given. */
export const writeWhole = async (file: OpenFile, bytes: Uint8Array): Promise<void> => {
  let written = 0
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written)
    if (bytesWritten === 0) throw new Error('the disk took nothing')
    written += bytesWritten
  }
}
