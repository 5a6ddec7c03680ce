// What the benchmarked servers answer with. All of them answer the same paths with the same content.
import { memory, tiered } from '@stowage/core'
import { asyncBackend } from '@stowage/core/testing'
import { cacheMiddleware } from '@stowage/express'
import { cached } from '@stowage/node'
import apicache from 'apicache'
import express from 'express'
import routeCache from 'route-cache'
import { large, small } from './bodies.mjs'
import { fastifyListeners } from './fastify-listeners.mjs'
import { koaListeners } from './koa-listeners.mjs'

/** Requests that have reached a handler: tells hits from misses without trusting what a cache says of itself. */
export const handled = { count: 0 }

const ready = (value) => {
  const body = Buffer.from(JSON.stringify(value))
  return {
    body,
    headers: { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length },
  }
}
const readySmall = ready(small)
const readyLarge = ready(large)

function answerReady(request, response) {
  const { headers, body } = request.url.startsWith('/large') ? readyLarge : readySmall
  response.writeHead(200, headers)
  response.end(body)
}

function mountHandlers(app) {
  const answer = (value, cacheControl) => (_request, response) => {
    handled.count += 1
    response.set('Cache-Control', cacheControl).json(value)
  }
  app.get('/small/:id', answer(small, 'max-age=600'))
  app.get('/large/:id', answer(large, 'max-age=600'))
  app.get('/no-store', answer(small, 'no-store'))
  app.post('/posted', answer(small, 'no-store'))
}

/** The same answers, made anew each time: what stands behind the cache in front. */
function answerFresh(request, response) {
  handled.count += 1
  const value = request.url.startsWith('/large') ? large : small
  response.setHeader('Cache-Control', 'max-age=600')
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(value))
}

export function withMiddleware(middleware) {
  const app = express()
  app.use(middleware)
  mountHandlers(app)
  return app
}

function uncached() {
  const app = express()
  mountHandlers(app)
  return app
}

/** The least that it costs to send the fields of a hit: two of them are of the moment. */
function answerReadyWithFields(_request, response) {
  const { headers, body } = readySmall
  const seconds = Math.floor(performance.now() / 1000)
  response.writeHead(200, [
    'Content-Type',
    headers['Content-Type'],
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'max-age=600',
    'ETag',
    '"v7-aLPfs2DQLGIQKi4qGUAxzgccAT4"',
    'Age',
    String(seconds),
    'Cache-Status',
    `stowage; hit; ttl=${600 - seconds}`,
  ])
  response.end(body)
}

export const listeners = {
  plain: () => answerReady,
  'plain fields': () => answerReadyWithFields,
  front: () => cached(answerFresh),
  floor: () => withMiddleware(answerReady),
  uncached,
  stowage: () => withMiddleware(cacheMiddleware()),
  tiered: () => withMiddleware(cacheMiddleware({ backend: tiered(memory(), asyncBackend(memory())) })),
  apicache: () => withMiddleware(apicache.middleware('10 minutes')),
  'route-cache': () => withMiddleware(routeCache.cacheSeconds(600)),
  ...fastifyListeners(handled, readySmall, readyLarge),
  ...koaListeners(handled, readySmall, readyLarge),
}
