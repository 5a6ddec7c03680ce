import type { CacheBackend } from '@stowage/core'
import type { Operations } from './operations.ts'
import { count, expiry, text } from './reply.ts'
import { written } from './texts.ts'

type Single = Required<Pick<CacheBackend, 'get' | 'set' | 'delete' | 'has' | 'getWithTtl'>>

export const unlink = async (operations: Operations, key: string): Promise<number> => {
  const removed = count(await operations.send('UNLINK', operations.names.entry(key)))
  operations.stats.deletes += removed
  return removed
}

const readWithTtl = async (
  operations: Operations,
  key: string,
): Promise<{ value: string; ttl: number } | null> => {
  const name = operations.names.entry(key)
  const both = () => Promise.all([operations.send('PTTL', name), operations.send('GET', name)])
  const [left, reply] = await operations.run('getWithTtl', both)
  const [ms, value] = [count(left), text(reply)]
  // -2: it was not there, or not yet.
  if (value === null || ms === -2) return null
  return { value, ttl: ms < 0 ? Number.POSITIVE_INFINITY : ms / 1000 }
}

/** The operations on one key. */
export const singleOperations = (operations: Operations): Single => {
  const { names, stats } = operations

  const counted = <T>(found: T | null): T | null => {
    if (found === null) stats.misses++
    else stats.hits++
    return found
  }

  const remove = async (key: string): Promise<void> => {
    if (!operations.closed) await operations.run('delete', () => unlink(operations, key))
  }

  return {
    get: async (key) => {
      if (operations.closed) return null
      return counted(
        await operations.run('get', async () => text(await operations.send('GET', names.entry(key)))),
      )
    },
    set: async (key, value, ttl) => {
      if (operations.closed) return
      if (!(ttl > 0)) return remove(key)
      await operations.run('set', () =>
        operations.send('SET', names.entry(key), written(value), ...expiry(ttl)),
      )
      stats.sets++
    },
    delete: remove,
    has: async (key) => {
      if (operations.closed) return false
      return operations.run('has', async () => count(await operations.send('EXISTS', names.entry(key))) > 0)
    },
    getWithTtl: async (key) => {
      return operations.closed ? null : counted(await readWithTtl(operations, key))
    },
  }
}
