import { script } from './script.ts'

/**
 * The invalidation state of a namespace is one sorted set, so that Redis can evict or lose it only as a whole:
 *
 *     e<epoch> <run id>   -inf         the life of this count, and of the server that began it
 *     f                   -1 - floor   the newest count that was forgotten
 *     t<tag>              count        of each tag remembered
 *     z                   seq          the count, last also among the tags of the newest invalidation
 *
 * The run id is another one after every start of a server, and another on a replica that took the place of its
 * master. Either may have come back with an older count, so both begin a new epoch.
 *
 * ARGV: the request's mark, an epoch in case one is needed, the tags remembered at most, `read` or `bump`, the tags.
 * The answer repeats the mark: the reply to another request is told by it.
 */
export const tagScript = script(`
if redis.replicate_commands then redis.replicate_commands() end
local key, mark, fresh, most, act = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local run = ''
local info = redis.pcall('INFO', 'server')
if type(info) == 'string' then
  local _, at = string.find(info, 'run_id:', 1, true)
  if at then run = string.sub(info, at + 1, at + 40) end
end
local first = redis.call('ZRANGE', key, 0, 0)[1]
local epoch
if first then
  local gap = string.find(first, ' ', 1, true)
  epoch = string.sub(first, 2, gap - 1)
  local began = string.sub(first, gap + 1)
  if run ~= '' and began ~= run then epoch = nil end
end
if not epoch then
  if first then redis.call('UNLINK', key) end
  epoch = fresh
  redis.call('ZADD', key, '-inf', 'e' .. epoch .. ' ' .. run, -1, 'f', 0, 'z')
end
local answer = { mark, epoch }
if act == 'bump' then
  local seq = redis.call('ZINCRBY', key, 1, 'z')
  for i = 5, #ARGV do redis.call('ZADD', key, seq, 't' .. ARGV[i]) end
  local excess = math.min(redis.call('ZCARD', key) - 3 - most, 1000)
  if excess > 0 then
    local oldest = redis.call('ZRANGE', key, 2, 1 + excess, 'WITHSCORES')
    redis.call('ZADD', key, -1 - tonumber(oldest[#oldest]), 'f')
    redis.call('ZREMRANGEBYRANK', key, 2, 1 + excess)
  end
  answer[3] = seq
else
  answer[3] = redis.call('ZSCORE', key, 'z')
  if #ARGV > 4 then
    local floor = string.format('%.0f', -1 - tonumber(redis.call('ZSCORE', key, 'f')))
    for i = 5, #ARGV do answer[i - 1] = redis.call('ZSCORE', key, 't' .. ARGV[i]) or floor end
  end
end
return answer
`)
