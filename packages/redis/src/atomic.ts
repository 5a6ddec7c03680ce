import { script } from './script.ts'

/** KEYS: the counter. ARGV: milliseconds that a new one lives, 0 for ever. */
export const incrementScript = script(`
local count = redis.call('INCR', KEYS[1])
if count == 1 and tonumber(ARGV[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
`)

/** KEYS: the key. ARGV: what it must hold. */
export const compareAndDeleteScript = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
`)

/** KEYS: the key, the lease. ARGV: the value, its milliseconds (0 for ever), what the lease must hold. */
export const setIfOwnerScript = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
else redis.call('SET', KEYS[1], ARGV[1]) end
return 1
`)
