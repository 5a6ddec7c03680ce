import { type CacheBackend, matchesGlob } from '@stowage/core'
import { keyPrefixOf } from './client.ts'
import type { Operations } from './operations.ts'
import { expiry, text } from './reply.ts'
import { literal, scan } from './scan.ts'
import { unlink } from './single.ts'
import { readBack, written } from './texts.ts'

type Many = Required<Pick<CacheBackend, 'getMany' | 'setMany' | 'deleteMany' | 'keys' | 'clear'>>

/** Commands under way at the same time, at most. */
const slice = 1000

/** Commands of one slice go in one packet, or in a Cluster in one turn to the nodes that hold the keys. */
const each = async <T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> => {
  for (let at = 0; at < items.length; at += slice) await Promise.all(items.slice(at, at + slice).map(act))
}

/** The keys that may match, without what stands before them in Redis. */
async function* candidates(operations: Operations, pattern: string): AsyncGenerator<readonly string[]> {
  const connection = operations.connection()
  const prefix = keyPrefixOf(connection.client) + operations.names.prefix
  // For Redis `?` is one byte, for whoever wrote the pattern one character.
  const wider = pattern.split(/([*?])/).map((part) => (/^[*?]$/.test(part) ? '*' : literal(written(part))))
  for await (const names of scan(connection, literal(prefix) + wider.join('')))
    yield names.map((name) => readBack(name.slice(prefix.length)))
}

async function* keysOf(operations: Operations, pattern: string): AsyncGenerator<string> {
  if (operations.closed) return
  const seen = new Set<string>()
  for await (const keys of candidates(operations, pattern)) {
    for (const key of keys) {
      if (seen.has(key) || !matchesGlob(pattern, key)) continue
      seen.add(key)
      yield key
    }
  }
}

const removeAll = async (operations: Operations, keys: readonly string[]): Promise<number> => {
  let removed = 0
  await each(keys, async (key) => {
    const one = await unlink(operations, key)
    removed += one
  })
  return removed
}

const removeEverything = async (operations: Operations): Promise<number> => {
  let removed = 0
  for await (const keys of candidates(operations, '*')) {
    const some = await removeAll(operations, keys)
    removed += some
  }
  return removed
}

/** The operations on many keys. */
export const manyOperations = (operations: Operations): Many => {
  const { names, stats } = operations

  return {
    getMany: async (keys) => {
      const found = new Map<string, string>()
      if (operations.closed) return found
      const distinct = [...new Set(keys)]
      await operations.run('getMany', () =>
        each(distinct, async (key) => {
          const value = text(await operations.send('GET', names.entry(key)))
          if (value !== null) found.set(key, value)
        }),
      )
      stats.hits += found.size
      stats.misses += distinct.length - found.size
      return found
    },
    setMany: async (entries, ttl) => {
      const all = [...new Map(entries)]
      if (operations.closed || !(ttl > 0)) return 0
      const set = ([key, value]: readonly [string, string]): Promise<unknown> =>
        operations.send('SET', names.entry(key), written(value), ...expiry(ttl))
      await operations.run('setMany', () => each(all, set))
      stats.sets += all.length
      return all.length
    },
    deleteMany: async (keys) =>
      operations.closed ? 0 : operations.run('deleteMany', () => removeAll(operations, keys)),
    keys: (pattern = '*') => keysOf(operations, pattern),
    clear: async () => (operations.closed ? 0 : operations.run('clear', () => removeEverything(operations))),
  }
}
