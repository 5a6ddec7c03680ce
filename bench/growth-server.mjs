// A cache that holds many entries: filled through the engine, asked through Express.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { memory } from '@stowage/core'
import { cacheMiddleware } from '@stowage/express'
import { withMiddleware } from './listeners.mjs'
import { serve } from './serve.mjs'

const cache = cacheMiddleware({
  backend: memory({ maxEntries: 2_000_000, maxBytes: '4gb', cleanupInterval: Number.POSITIVE_INFINITY }),
  tags: ['everything'],
})
const body = Buffer.alloc(1024, 'a')
const headers = { 'content-type': 'text/plain', 'cache-control': 'max-age=86400' }

const requestFor = (authority, id) => ({
  method: 'GET',
  url: `/item/${id}`,
  authority,
  scheme: 'http',
  headers: {},
  raw: undefined,
})

const heldBytes = () => {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Stores entries 1 to `count`; answers with the bytes that each takes. */
async function fill({ authority, count }) {
  const before = heldBytes()
  for (let id = 1; id <= count; id += 1) {
    const forward = cache.lookup(requestFor(authority, id))
    forward.respond({ status: 200, headers, body })
    forward.write(body)
    forward.end()
    if (id % 1000 === 0) await nextTurn()
  }
  return (heldBytes() - before) / count
}

/** Nanoseconds of one lookup that hits, over entries spread evenly. */
function lookup({ authority, count }) {
  const times = 200_000
  let hits = 0
  const run = () => {
    for (let i = 0, id = 0; i < times; i += 1) {
      id = (id + 7919) % count
      if (cache.lookup(requestFor(authority, id + 1)).action === 'reuse') hits += 1
    }
  }
  run()
  const start = performance.now()
  run()
  const elapsed = performance.now() - start
  if (hits !== 2 * times) throw new Error(`${2 * times - hits} lookups did not hit`)
  return (elapsed / times) * 1e6
}

/** Milliseconds until a tag that every entry carries is invalidated. */
async function invalidate() {
  const start = performance.now()
  await cache.invalidate({ tags: ['everything'] })
  return performance.now() - start
}

serve(withMiddleware(cache), { fill, lookup, invalidate })
