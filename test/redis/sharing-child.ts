import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { memory, tiered } from '@stowage/core'
import { cached } from '@stowage/node'
import { redis } from '@stowage/redis'

// A process of its own with a cache on a shared Redis, in front of an origin that another process is.
const [options = '{}', origin = '', skewMs = '0', kind = 'plain'] = process.argv.slice(2)
// During an outage of its own a process cannot hear of others' invalidations.
const shared = redis({ ...JSON.parse(options), fallback: false })

const fetchOrigin = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(`${origin}${path}`, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body)).on('error', reject)
    }).on('error', reject)
  })

const cache = cached(
  (request, response) => {
    void fetchOrigin(request.url ?? '/').then((body) => response.end(body))
  },
  {
    backend: kind === 'tiered' ? tiered(memory(), shared) : shared,
    ttl: '1h',
    tags: (view) => [view.url.pathname.slice(1)],
    clock: () => Date.now() + Number(skewMs),
    etag: false,
  },
)
cache.on('error', () => undefined)

const server = createServer((request, response) => {
  if (request.method !== 'POST') return cache(request, response)
  const tag = (request.url ?? '').slice(1)
  cache.invalidate({ tags: [tag] }).then(
    () => response.writeHead(204).end(),
    () => response.writeHead(503).end(),
  )
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
