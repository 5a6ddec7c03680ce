// A small catalogue on Express 5. Ask for the same thing twice, and look at Cache-Status.
import { cacheMiddleware } from '@stowage/express'
import express from 'express'

const app = express()
const cache = cacheMiddleware({ staleWhileRevalidate: '30s' })
const items = new Map([
  ['1', { id: '1', name: 'Cup', price: 8 }],
  ['2', { id: '2', name: 'Plate', price: 12 }],
])

app.use(cache)

app.get('/items', cache.route({ ttl: '1m', tags: ['items'] }), (_req, res) => {
  res.json([...items.values()])
})

app.get('/items/:id', cache.route({ ttl: '5m' }), (req, res) => {
  const item = items.get(req.params.id)
  if (item === undefined) return res.status(404).json({ error: 'no such item' })
  req.cache.tag(`item:${item.id}`)
  res.json(item)
})

const changed = (req) => ({ tags: ['items', `item:${req.params.id}`] })
app.put('/items/:id/price/:price', cache.invalidates(changed), (req, res) => {
  const item = items.get(req.params.id)
  if (item === undefined) return res.status(404).json({ error: 'no such item' })
  item.price = Number(req.params.price)
  res.json(item)
})

const server = app.listen(process.env.PORT ?? 3000, () => {
  const { port } = server.address()
  console.log(`http://localhost:${port}/items\n
  curl -i localhost:${port}/items
  curl -i -X PUT localhost:${port}/items/1/price/9`)
})
process.once('SIGTERM', () => {
  server.close(() => void cache.close())
  server.closeAllConnections()
})
