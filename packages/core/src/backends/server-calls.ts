import type { CacheBackend } from '../backend.ts'
import type { MaybePromise } from '../message.ts'
import { ttlToJson } from './http-protocol.ts'

/** Several at once: a store need not be able to. */
const together = 20

export const getOne = async (
  backend: CacheBackend,
  key: string,
  timed: boolean,
): Promise<{ value: string; ttl?: number | null } | null> => {
  if (timed && backend.getWithTtl !== undefined) {
    const found = await backend.getWithTtl(key)
    return found === null ? null : { value: found.value, ttl: ttlToJson(found.ttl) }
  }
  const value = await backend.get(key)
  return value === null ? null : { value }
}

export const getOneWithTtl = async (backend: CacheBackend, key: string) => {
  const found = await getOne(backend, key, true)
  return found === null
    ? { values: [], rest: [] }
    : { values: [[key, found.value]], ttls: [found.ttl], rest: [] }
}

/** As many of the keys as an answer has room for, at least one; the others are to be asked for again. */
export const getBatch = async (backend: CacheBackend, keys: readonly string[], maxValueBytes: number) => {
  const values: [string, string][] = []
  let bytes = 0
  let at = 0
  while (at < keys.length && bytes < maxValueBytes) {
    // One first, then more the smaller they are.
    const room = Math.floor((maxValueBytes - bytes) / Math.max(1, bytes / Math.max(1, at)))
    const asked = keys.slice(at, at + (at === 0 ? 1 : Math.max(1, Math.min(together, room))))
    const found = await getAll(backend, asked)
    for (const key of asked) {
      const value = found.get(key)
      const size = value === undefined ? 0 : Buffer.byteLength(value)
      if (at > 0 && bytes + size > maxValueBytes) return { values, rest: keys.slice(at) }
      if (value !== undefined) values.push([key, value])
      bytes += size
      at++
    }
  }
  return { values, rest: keys.slice(at) }
}

const getAll = async (
  backend: CacheBackend,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (backend.getMany !== undefined) return backend.getMany(keys)
  const found = new Map<string, string>()
  await inTurn(keys, async (key) => {
    const value = await backend.get(key)
    if (value !== null) found.set(key, value)
  })
  return found
}

export const setBatch = async (
  backend: CacheBackend,
  entries: readonly (readonly [string, string])[],
  ttl: number,
): Promise<number> => {
  if (backend.setMany !== undefined) return backend.setMany(entries, ttl)
  await inTurn(entries, ([key, value]) => backend.set(key, value, ttl))
  return entries.length
}

export const isThere = async (backend: CacheBackend, key: string): Promise<boolean> =>
  backend.has === undefined ? (await backend.get(key)) !== null : backend.has(key)

export const deleteBatch = async (backend: CacheBackend, keys: readonly string[]): Promise<number> => {
  if (backend.deleteMany !== undefined) return backend.deleteMany(keys)
  let removed = 0
  await inTurn(keys, async (key) => {
    if (await isThere(backend, key)) removed++
    await backend.delete(key)
  })
  return removed
}

const inTurn = async <T>(list: readonly T[], work: (each: T) => MaybePromise<void>): Promise<void> => {
  for (const each of list) await work(each)
}
