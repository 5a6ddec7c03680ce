import { setTimeout as wait } from 'node:timers/promises'
import { load, startServer } from './pinned.mjs'

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Before anything counts connections are made, code is compiled and the heap has its size: what was idle for half a minute
 * starts anew with all of them, and takes about two seconds for it.
 */
export const leadMs = 2500
const tailMs = 700
const warmUpSeconds = 4

/** Measures all cases in turn, round by round; answers with µs and requests a second, by id and round. */
export async function measureInTurn(cases, { rounds, seconds, report }) {
  const servers = await startAll(cases)
  const results = new Map(cases.map(({ id }) => [id, { cpu: [], rate: [] }]))
  // A round before the first one warms everything up.
  for (let round = -1; round < rounds; round += 1) {
    report(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`)
    for (const each of inTurn(cases, round)) {
      const sample = await measureOnce(
        servers.get(processOf(each)),
        each,
        round < 0 ? warmUpSeconds : seconds,
      )
      if (round < 0) continue
      results.get(each.id).cpu.push(sample.cpu)
      results.get(each.id).rate.push(sample.rate)
    }
  }
  for (const server of servers.values()) await server.stop()
  return results
}

const processOf = (each) => each.process ?? each.server

async function startAll(cases) {
  const servers = new Map()
  for (const each of cases)
    if (!servers.has(processOf(each)))
      servers.set(processOf(each), await startServer('server.mjs', each.server))
  return servers
}

/** Every other round backwards, so that nobody always follows the same neighbour. */
export const inTurn = (cases, round) => (round % 2 === 0 ? cases : [...cases].reverse())

let nextId = 1

/** Loads one server, and reads its counters while the load lasts. */
export async function measureOnce(server, each, seconds) {
  const { method, path } = each
  const headers = each.conditional ? { 'If-None-Match': await etagOf(server.origin + path) } : {}
  const ids = each.ids === 'new' ? { from: nextId } : each.ids
  nextId += 1_000_000
  const loading = load(
    server.origin,
    { method, path, headers, ids },
    Math.ceil(seconds + (leadMs + tailMs) / 1000),
  )
  await wait(leadMs)
  const before = await server.ask('snapshot')
  await wait(seconds * 1000)
  const after = await server.ask('snapshot')
  await loading
  return sampleOf(each, before, after)
}

async function etagOf(url) {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.headers.get('etag')
}

function sampleOf({ id, handler }, before, after) {
  const requests = after.requests - before.requests
  const share = (after.handled - before.handled) / requests
  // The first request of a hit's warm-up fills, and snapshots fall between a request and its handler.
  if (handler === 'never' ? share > 0.01 : Math.abs(share - 1) > 0.01)
    throw new Error(`${id}: the handler ran for ${(share * 100).toFixed(1)} % of the requests`)
  const cpu = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system
  return { cpu: cpu / requests, rate: (requests / (after.at - before.at)) * 1000 }
}
