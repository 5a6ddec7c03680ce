// What the figures are held to. Times of two cases are compared round by round.
import { median } from './rounds.mjs'
import { difference, paired, ratio } from './tables.mjs'

const compared = (goal, id, base, atMost) => ({ goal, id, base, atMost, compare: ratio })
const beyond = (goal, id, base, atMost) => ({ goal, id, base, atMost, compare: difference, digits: 1 })

const overHttp = [
  compared('hit in front, 1.2 KB: × plain', 'front', 'plain', 1.2),
  compared('hit in front, 62 KB: × plain', 'large front', 'large plain', 1.2),
  compared('hit, 1.2 KB: × floor', 'hit', 'floor', 1.08),
  compared('hit, 62 KB: × floor', 'large hit', 'large floor', 1.2),
  compared('hit, 1.2 KB: × apicache', 'hit', 'apicache', 1),
  compared('hit, 1.2 KB: × route-cache', 'hit', 'route-cache', 1),
  compared('hit, 62 KB: × apicache', 'large hit', 'large apicache', 1),
  compared('hit, 62 KB: × route-cache', 'large hit', 'large route-cache', 1),
  compared('hit on Fastify, 1.2 KB: × Fastify floor', 'fastify hit', 'fastify floor', 1.15),
  compared('hit on Fastify, 62 KB: × Fastify floor', 'large fastify hit', 'large fastify floor', 1.2),
  compared('hit on Koa, 1.2 KB: × Koa floor', 'koa hit', 'koa floor', 1.15),
  compared('hit on Koa, 62 KB: × Koa floor', 'large koa hit', 'large koa floor', 1.2),
  compared('hit on Koa, 1.2 KB: × koa-cash', 'koa hit', 'koa-cash', 1),
  compared('hit on Koa, 62 KB: × koa-cash', 'large koa hit', 'large koa-cash', 1),
  compared('hit in the first tier: × hit', 'tiered', 'hit', 1.1),
  compared('304: × hit', '304', 'hit', 1),
  beyond('miss that stores: µs beyond the uncached handler', 'miss', 'uncached', 15),
  beyond('`no-store`: µs beyond the uncached handler', 'no-store', 'uncached no-store', 4),
  beyond('POST: µs beyond the uncached handler', 'POST', 'uncached POST', 4),
]

export const httpTargets = (results) =>
  overHttp
    .filter(({ id, base }) => results.has(id) && results.has(base))
    .map(({ id, base, compare, ...target }) => ({
      ...target,
      measured: paired(results, id, base, compare),
    }))

export function growthTargets({ sizes, facts, hits }) {
  const [least, most] = [sizes[0], sizes.at(-1)]
  return [
    {
      goal: 'hit among 1,000,000 entries, all alike: × among 1,000',
      atMost: 1.2,
      measured: paired(hits, `${most} even`, `${least} even`, ratio),
    },
    {
      goal: 'hit on 1,000 of 1,000,000 entries: × among 1,000',
      atMost: 1.2,
      measured: paired(hits, `${most} hot`, `${least} even`, ratio),
    },
    { goal: 'invalidate a tag of 1,000,000 entries, ms', atMost: 1, measured: facts.get(most).invalidate },
    { goal: 'heap of a 1 KB entry, KB', atMost: 2.5, measured: facts.get(most).bytes / 1024 },
  ]
}

export function partTargets({ codec, insertions, startup }) {
  const { encode, decode, bytes } = codec.at(-1)
  return [
    {
      goal: 'insertion into a full memory: last tenth × first',
      atMost: 1.2,
      measured: insertions.at(-1) / median(insertions.slice(0, 1)),
    },
    { goal: 'encode 256 KB, ns a byte (0.4 GB/s)', atMost: 2.5, measured: encode / bytes },
    { goal: 'decode 256 KB, ns a byte (1 GB/s)', atMost: 1, measured: decode / bytes },
    { goal: 'import beyond that of Express, ms', atMost: 30, measured: startup, digits: 1 },
  ]
}
