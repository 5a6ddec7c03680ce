// A small catalogue on Koa 3. Ask for the same thing twice, and look at Cache-Status.
import Router from '@koa/router'
import { cacheMiddleware } from '@stowage/koa'
import Koa from 'koa'

const app = new Koa()
const router = new Router()
const cache = cacheMiddleware({ staleWhileRevalidate: '30s' })
const items = new Map([
  ['1', { id: '1', name: 'Cup', price: 8 }],
  ['2', { id: '2', name: 'Plate', price: 12 }],
])

app.use(cache)

router.get('/items', cache.route({ ttl: '1m', tags: ['items'] }), (ctx) => {
  ctx.body = [...items.values()]
})

router.get('/items/:id', cache.route({ ttl: '5m' }), (ctx) => {
  const item = items.get(ctx.params.id)
  if (item === undefined) ctx.throw(404)
  ctx.cache.tag(`item:${item.id}`)
  ctx.body = item
})

const changed = (ctx) => ({ tags: ['items', `item:${ctx.params.id}`] })
router.put('/items/:id/price/:price', cache.invalidates(changed), (ctx) => {
  const item = items.get(ctx.params.id)
  if (item === undefined) ctx.throw(404)
  item.price = Number(ctx.params.price)
  ctx.body = item
})

app.use(router.routes())

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
