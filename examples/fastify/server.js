// A small catalogue on Fastify 5. Ask for the same thing twice, and look at Cache-Status.
import { cachePlugin } from '@stowage/fastify'
import Fastify from 'fastify'

const app = Fastify({ forceCloseConnections: true })
const items = new Map([
  ['1', { id: '1', name: 'Cup', price: 8 }],
  ['2', { id: '2', name: 'Plate', price: 12 }],
])

// Awaited, so that the routes below are declared where the plugin is.
await app.register(cachePlugin, { staleWhileRevalidate: '30s' })

app.get('/items', { config: { cache: { ttl: '1m', tags: ['items'] } } }, async () => [...items.values()])

app.get('/items/:id', { config: { cache: '5m' } }, async (request, reply) => {
  const item = items.get(request.params.id)
  if (item === undefined) return reply.code(404).send({ error: 'no such item' })
  request.cache.tag(`item:${item.id}`)
  return item
})

const changed = (request) => ({ tags: ['items', `item:${request.params.id}`] })
app.put(
  '/items/:id/price/:price',
  { config: { cacheInvalidates: changed } },
  async ({ params: { id, price } }, reply) => {
    const item = items.get(id)
    if (item === undefined) return reply.code(404).send({ error: 'no such item' })
    item.price = Number(price)
    return item
  },
)

// The cache closes with the server.
process.once('SIGTERM', () => void app.close())

await app.listen({ port: Number(process.env.PORT ?? 3000) })
const { port } = app.server.address()
console.log(`http://localhost:${port}/items\n
  curl -i localhost:${port}/items
  curl -i -X PUT localhost:${port}/items/1/price/9`)
