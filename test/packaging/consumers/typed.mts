import { type CacheBackend, type CacheOptions, memory } from '@stowage/core'
import { backendConformance } from '@stowage/core/testing'
import { cacheMiddleware, type ExpressCache, isRevalidation } from '@stowage/express'
import { capture } from '@stowage/node'
import express from 'express'

const backend: CacheBackend = memory({ maxEntries: 10, maxBytes: '1mb' })
export const options: CacheOptions = { ttl: '1m', staleWhileRevalidate: 30 }
const cache: ExpressCache = cacheMiddleware({ backend, ttl: 60 })

const app = express()
app.use(cache)
app.get('/items/:id', cache.route({ ttl: '5m' }), (request, response) => {
  request.cache?.tag('items').ttl('2m')
  response.json({ revalidation: isRevalidation(request) })
})
export const patch: typeof capture = capture
export const suite: typeof backendConformance = backendConformance

// @ts-expect-error the name of an option is checked
cacheMiddleware({ tll: 60 })
// @ts-expect-error a number in quotes has no unit
cacheMiddleware({ ttl: '60' })
