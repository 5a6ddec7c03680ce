// One server process: listens, counts, and answers the questions of the process that started it.
import { createServer } from 'node:http'
import { handled } from './listeners.mjs'
import { profile } from './profiler.mjs'

/** Starts a listener; `commands` are functions that the parent may call by name, one argument each. */
export function serve(listener, commands = {}) {
  let requests = 0
  const known = {
    snapshot: () => ({ cpu: process.cpuUsage(), at: performance.now(), requests, handled: handled.count }),
    profile,
    ...commands,
  }
  const server = createServer((request, response) => {
    requests += 1
    listener(request, response)
  })
  process.on('message', async ({ command, argument }) => {
    process.send({ command, result: await known[command](argument) })
  })
  process.on('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1', () => process.send({ command: 'listen', result: server.address().port }))
}
