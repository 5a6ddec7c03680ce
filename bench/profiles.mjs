import { setTimeout as wait } from 'node:timers/promises'
import { smallCases } from './cases.mjs'
import { load, startServer } from './pinned.mjs'
import { leadMs, measureOnce } from './rounds.mjs'

const profiled = [
  'plain',
  'front',
  'fastify floor',
  'fastify hit',
  'koa floor',
  'koa hit',
  'uncached',
  'miss',
  'uncached no-store',
  'no-store',
  'uncached POST',
  'POST',
]

/** Where the time of a request goes, in µs of the CPU by whose code it is, of the rows that goals compare. */
export async function measureProfiles({ seconds, report }) {
  const results = []
  for (const each of profiled.map((id) => smallCases.find((known) => known.id === id))) {
    report(`profile of ${each.name}`)
    const server = await startServer('server.mjs', each.server)
    // Once without the profiler, which takes time itself.
    await measureOnce(server, each, seconds)
    const { cpu } = await measureOnce(server, each, seconds)
    const ids = each.ids === 'new' ? { from: 1_000_000_000 } : each.ids
    const loading = load(server.origin, { ...each, ids }, Math.ceil(leadMs / 1000) + 4)
    await wait(leadMs)
    const shares = await server.ask('profile', 3)
    await loading
    await server.stop()
    results.push({ name: each.name, cpu, shares })
  }
  return results
}
