// A bare listener of node:http with the cache in front. PORT chooses the port (0: any free one).
import { createServer } from 'node:http'
import { cached, healthHandler } from '@stowage/node'

const items = new Map([
  ['1', { id: '1', name: 'Teapot', price: 12 }],
  ['2', { id: '2', name: 'Kettle', price: 30 }],
])

const sendJson = (response, status, value) => {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(value))
}

// A slow database.
const load = async (id) => {
  await new Promise((resume) => setTimeout(resume, 100))
  return items.get(id)
}

async function showItem(request, response, id) {
  const item = await load(id)
  if (item === undefined) return sendJson(response, 404, { error: 'no such item' })
  request.cache.ttl('5m').tag(`item:${id}`)
  sendJson(response, 200, item)
}

async function dropItem(response, id) {
  items.delete(id)
  await handler.invalidate({ tags: [`item:${id}`] })
  response.writeHead(204)
  response.end()
}

async function listener(request, response) {
  const id = /^\/items\/(\w+)$/.exec(request.url)?.[1]
  if (request.url === '/health') health(request, response)
  else if (id !== undefined && request.method === 'DELETE') await dropItem(response, id)
  else if (id !== undefined) await showItem(request, response, id)
  else sendJson(response, 404, { error: 'nothing here' })
}

const handler = cached(listener, { staleWhileRevalidate: '1m', staleIfError: '1h' })
const health = healthHandler(handler)

const server = createServer(handler).listen(Number(process.env.PORT ?? 3000), () => {
  const at = `http://localhost:${server.address().port}`
  console.log(`Twice, and compare Cache-Status:
  curl -i ${at}/items/1
A change, after which it is a miss:
  curl -i -X DELETE ${at}/items/1
How the store is:
  curl -i ${at}/health`)
})

process.once('SIGTERM', () => {
  server.close(() => handler.close())
  server.closeAllConnections()
})
