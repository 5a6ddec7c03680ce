// Memory in front of Redis or Valkey, for several processes. PORT chooses the port (0: any free one), REDIS_URL the server.
import { memory, tiered } from '@stowage/core'
import { cacheMiddleware } from '@stowage/express'
import { redis } from '@stowage/redis'
import express from 'express'

const items = new Map([
  ['1', { id: '1', name: 'Teapot', price: 12 }],
  ['2', { id: '2', name: 'Kettle', price: 30 }],
])

// A slow database.
const load = async (id) => {
  await new Promise((resume) => setTimeout(resume, 100))
  return items.get(id)
}

const shared = redis({ url: process.env.REDIS_URL ?? 'redis://localhost:6379', namespace: 'tiered-example' })
const cache = cacheMiddleware({
  backend: tiered(memory({ maxBytes: '64mb' }), shared),
  // Asked by different ports, the processes would have different keys. Behind one name this is not needed.
  key: { host: false },
})

const app = express()
app.use(cache)

app.get('/items/:id', cache.route({ ttl: '5m' }), async (req, res) => {
  const item = await load(req.params.id)
  if (item === undefined) return res.status(404).json({ error: 'no such item' })
  req.cache.tag(`item:${item.id}`)
  res.json({ ...item, process: process.pid, made: new Date().toISOString() })
})

app.delete(
  '/items/:id',
  cache.invalidates((req) => ({ tags: [`item:${req.params.id}`] })),
  (_req, res) => res.sendStatus(204),
)

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  const at = `http://localhost:${server.address().port}`
  console.log(`Start another with PORT=3001, and compare what they answer:
  curl -i ${at}/items/1
A change, after which it is a miss in both:
  curl -i -X DELETE ${at}/items/1`)
})

process.once('SIGTERM', () => {
  server.close(() => cache.close())
  server.closeAllConnections()
})
