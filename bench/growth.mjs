// What a hit, an invalidation and an insertion cost as the number of entries grows.
import { startServer } from './pinned.mjs'
import { inTurn, measureOnce } from './rounds.mjs'

const sizes = [1000, 100_000, 1_000_000]
const hotIds = 1000

const rowsOf = (count) => [
  { id: `${count} even`, count, ids: { upTo: count } },
  ...(count > hotIds * 100 ? [{ id: `${count} hot`, count, ids: { upTo: hotIds } }] : []),
]

/** By number of entries: µs of a hit through Express, ns of a lookup, ms of an invalidation, bytes of an entry. */
export async function measureGrowth({ rounds, seconds, report }) {
  const servers = new Map()
  const facts = new Map()
  for (const count of sizes) {
    report(`storing ${count} entries`)
    const server = await startServer('growth-server.mjs', undefined, [
      '--expose-gc',
      '--max-old-space-size=6144',
    ])
    const argument = { authority: new URL(server.origin).host, count }
    servers.set(count, server)
    facts.set(count, {
      bytes: await server.ask('fill', argument),
      lookup: await server.ask('lookup', argument),
    })
  }
  const hits = await measureHits(servers, { rounds, seconds, report })
  for (const [count, server] of servers) {
    facts.get(count).invalidate = await server.ask('invalidate')
    await server.stop()
  }
  return { sizes, facts, hits }
}

async function measureHits(servers, { rounds, seconds, report }) {
  const rows = sizes.flatMap(rowsOf)
  const hits = new Map(rows.map(({ id }) => [id, { cpu: [], rate: [] }]))
  for (let round = -1; round < rounds; round += 1) {
    report(round < 0 ? 'growth, warming up' : `growth, round ${round + 1} of ${rounds}`)
    for (const { id, count, ids } of inTurn(rows, round)) {
      const each = { id, path: '/item/', ids, handler: 'never' }
      const sample = await measureOnce(servers.get(count), each, seconds)
      if (round < 0) continue
      hits.get(id).cpu.push(sample.cpu)
      hits.get(id).rate.push(sample.rate)
    }
  }
  return hits
}
