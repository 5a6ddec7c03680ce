import type { CacheBackend } from '@stowage/core'
import { isCluster } from './client.ts'
import type { Operations } from './operations.ts'
import { count, expiry, lifetime, text } from './reply.ts'
import { script } from './script.ts'
import { written } from './texts.ts'

type Atomic = Required<Pick<CacheBackend, 'increment' | 'setIfAbsent' | 'compareAndDelete' | 'setIfOwner'>>

/** KEYS: the counter. ARGV: milliseconds that a new one lives, 0 for ever. */
const incrementScript = script(`
local count = redis.call('INCR', KEYS[1])
if count == 1 and tonumber(ARGV[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
`)

/** KEYS: the key. ARGV: what it must hold. */
const compareAndDeleteScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
`)

/** KEYS: the key, the lease. ARGV: the value, its milliseconds (0 for ever), what the lease must hold. */
const setIfOwnerScript = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
else redis.call('SET', KEYS[1], ARGV[1]) end
return 1
`)

type Owned = Parameters<Atomic['setIfOwner']>

const setIfHeld = async (
  operations: Operations,
  [key, value, ttl, lease, token]: Owned,
): Promise<boolean> => {
  const values = [written(value), lifetime(ttl), written(token)]
  return count(await operations.script(setIfOwnerScript, [key, lease], values)) === 1
}

/** In a Cluster, where key and lease lie on different nodes, which no script reaches together. */
const setInTwoSteps = async (
  operations: Operations,
  [key, value, ttl, lease, token]: Owned,
): Promise<boolean> => {
  const { names } = operations
  const holder = text(await operations.send('GET', names.entry(lease)))
  if (holder !== token) return false
  await operations.send('SET', names.entry(key), written(value), ...expiry(ttl))
  return true
}

/** The operations that others must not come between. */
export const atomicOperations = (operations: Operations): Atomic => {
  const { names, stats } = operations
  return {
    increment: (key, ttl = Number.POSITIVE_INFINITY) =>
      operations.run('increment', async () =>
        count(await operations.script(incrementScript, [key], [lifetime(ttl)])),
      ),
    setIfAbsent: (key, value, ttl) =>
      operations.run('setIfAbsent', async () => {
        const done = await operations.send('SET', names.entry(key), written(value), ...expiry(ttl), 'NX')
        if (done === 'OK') stats.sets++
        return done === 'OK'
      }),
    compareAndDelete: (key, expected) =>
      operations.run('compareAndDelete', async () => {
        const removed = count(await operations.script(compareAndDeleteScript, [key], [written(expected)]))
        stats.deletes += removed
        return removed === 1
      }),
    setIfOwner: (...owned) =>
      operations.run('setIfOwner', async () => {
        const inSteps = isCluster(operations.connection().client)
        const done = await (inSteps ? setInTwoSteps(operations, owned) : setIfHeld(operations, owned))
        if (done) stats.sets++
        return done
      }),
  }
}
