// Serves the shop: PORT chooses the port (0: any free one), ADMIN_TOKEN the token of the admin endpoints.
import { randomBytes } from 'node:crypto'
import { createCatalogue } from './catalogue.js'
import { createShop } from './shop.js'

const adminToken = process.env.ADMIN_TOKEN ?? randomBytes(9).toString('base64url')
const { app, cache } = createShop({ catalogue: createCatalogue(), adminToken })

const server = app.listen(Number(process.env.PORT ?? 3000), (error) => {
  if (error) {
    console.error(`server: ${error.message}`)
    process.exitCode = 1
    return
  }
  const at = `http://localhost:${server.address().port}`
  console.log(`The shop is open at ${at}

Twice, and compare Cache-Status:
  curl -i ${at}/items
A variant for each language:
  curl -i ${at}/items/1 -H 'accept-language: fr'
A change; after it, /items and /items/1 are misses:
  curl -i -X PUT ${at}/items/1 -H 'content-type: application/json' -d '{"price": 15}'
Refused, and Cache-Status says why:
  curl -i ${at}/basket
Invalidated by hand:
  curl -i -X POST ${at}/admin/invalidate -H 'authorization: Bearer ${adminToken}' \\
    -H 'content-type: application/json' -d '{"tags": ["catalogue"]}'
What the cache did so far:
  curl ${at}/admin/stats -H 'authorization: Bearer ${adminToken}'
`)
})

const stop = () => {
  server.close(() => cache.close())
  // Event streams never end by themselves.
  server.closeAllConnections()
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
