import { join } from 'node:path'
import { createHash } from '../builtin.ts'

/** What a file says of itself before its value. */
export interface EntryHead {
  readonly key: string
  /** Milliseconds since the epoch; Infinity without expiry. */
  readonly expires: number
  readonly created: number
}

export interface FileEntry extends EntryHead {
  readonly value: string
}

/** Enough of a file for its head, except where the key is longer than keys are. */
export const headBytes = 16 * 1024

/** Times beyond what a Date can hold are no expiry. */
const latest = 8.64e15

const suffix = '.json'
const namePattern = /^[0-9a-f]{64}\.json$/

/** Hexadecimal digits, each the name of a folder: 16 of them, with 16 in each. A walk opens few, and few have to be made. */
export const folderNames: readonly string[] = Array.from('0123456789abcdef')

export const isEntryName = (name: string): boolean => namePattern.test(name)

const nameOf = (key: string): string => createHash('sha256').update(key).digest('hex') + suffix

export const placeOf = (directory: string, key: string): string => {
  const name = nameOf(key)
  return join(directory, name.charAt(0), name.charAt(1), name)
}

/** The head comes first, so that a sweep need not read values. */
export const encodeEntry = ({ key, expires, created, value }: FileEntry): Buffer =>
  Buffer.from(JSON.stringify({ key, expires: expires > latest ? null : expires, created, value }))

const headPattern =
  /^\{"key":("(?:[^"\\]|\\.)*"),"expires":(null|\d{1,16}(?:\.\d{1,20})?),"created":(\d{1,16}(?:\.\d{1,20})?),"value":"/

/** The head of a file, from its beginning; undefined where it has none, or none that ends there. */
export const decodeHead = (text: string): EntryHead | undefined => {
  const [, key, expires, created] = headPattern.exec(text) ?? []
  if (key === undefined) return undefined
  try {
    return {
      key: JSON.parse(key) as string,
      expires: expires === 'null' ? Number.POSITIVE_INFINITY : Number(expires),
      created: Number(created),
    }
  } catch {
    return undefined
  }
}

/** What every file of this key begins with. */
export const openingOf = (key: string): Buffer => Buffer.from(`{"key":${JSON.stringify(key)},"expires":`)

/** The end of a file that is whole. */
export const isClosed = (end: Buffer): boolean => end.toString('latin1') === '"}'

/** Undefined where the file is damaged: no JSON, a field missing or of another kind. */
export const decodeEntry = (text: string): FileEntry | undefined => {
  try {
    const { key, value, expires, created } = JSON.parse(text) as Record<string, unknown>
    if (typeof key !== 'string' || typeof value !== 'string' || typeof created !== 'number') return undefined
    if (expires === null) return { key, value, expires: Number.POSITIVE_INFINITY, created }
    return typeof expires === 'number' ? { key, value, expires, created } : undefined
  } catch {
    return undefined
  }
}
