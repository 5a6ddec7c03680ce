// Inside of a server process: where its time goes, by whose code it is.
import { Session } from 'node:inspector/promises'
import { setTimeout as wait } from 'node:timers/promises'

const intervalMicroseconds = 200

/** Frames without a file are V8's own, and what Node has in C++: most of that are the system's calls for sockets. */
const system = 'system, V8'
const unnamed = new Map([
  ['(idle)', undefined],
  ['(garbage collector)', 'garbage'],
])
const named = [
  [/\/packages\/core\/dist\//, 'core'],
  [/\/packages\/node\/dist\//, 'node'],
  [/\/packages\/(?:express|fastify|koa)\/dist\//, 'adapter'],
  [/\/node_modules\/lru-cache\//, 'lru-cache'],
  [/\/node_modules\//, 'framework'],
  [/^node:/, 'Node'],
]

const ownerOf = ({ functionName, url }) => {
  if (unnamed.has(functionName)) return unnamed.get(functionName)
  if (url === '') return system
  return named.find(([pattern]) => pattern.test(url))?.[1] ?? 'handler'
}

/** Of each owner, the share of the time in which the process was not idle. */
function sharesOf({ nodes, samples, timeDeltas }) {
  const ownerById = new Map(nodes.map(({ id, callFrame }) => [id, ownerOf(callFrame)]))
  const times = {}
  let busy = 0
  for (const [index, id] of samples.entries()) {
    const owner = ownerById.get(id)
    if (owner === undefined) continue
    times[owner] = (times[owner] ?? 0) + timeDeltas[index]
    busy += timeDeltas[index]
  }
  return Object.fromEntries(Object.entries(times).map(([owner, time]) => [owner, time / busy]))
}

export async function profile(seconds) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: intervalMicroseconds })
  await session.post('Profiler.start')
  await wait(seconds * 1000)
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return sharesOf(profile)
}
