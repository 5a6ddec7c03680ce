// One small catalogue in four frameworks: what the cache does is the same in each.
import { createServer } from 'node:http'
import Router from '@koa/router'
import { cacheMiddleware } from '@stowage/express'
import { cachePlugin } from '@stowage/fastify'
import { cacheMiddleware as koaCache } from '@stowage/koa'
import { cached } from '@stowage/node'
import express from 'express'
import Fastify from 'fastify'
import Koa from 'koa'

const listening = (server) =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })

/** A server of node:http with its cache, as the demo visits it. */
async function served(listener, cache) {
  const server = await listening(createServer({ keepAlive: true }, listener))
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
    await cache.close()
  }
  return { port: server.address().port, cache, close }
}

function onExpress(catalogue) {
  const app = express()
  const cache = cacheMiddleware()
  app.use(cache)
  app.get('/items', cache.route({ ttl: '1m', tags: ['catalogue'] }), async (_req, res) => {
    res.json(await catalogue.list())
  })
  app.post('/import', cache.invalidates({ tags: ['catalogue'] }), async (_req, res) => {
    await catalogue.list()
    res.sendStatus(204)
  })
  return served(app, cache)
}

async function onFastify(catalogue) {
  const app = Fastify()
  await app.register(cachePlugin)
  app.get('/items', { config: { cache: { ttl: '1m', tags: ['catalogue'] } } }, () => catalogue.list())
  app.post('/import', { config: { cacheInvalidates: { tags: ['catalogue'] } } }, async (_request, reply) => {
    await catalogue.list()
    return reply.code(204).send()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, cache: app.cache, close: () => app.close() }
}

function onKoa(catalogue) {
  const app = new Koa()
  const router = new Router()
  const cache = koaCache()
  app.use(cache)
  router.get('/items', cache.route({ ttl: '1m', tags: ['catalogue'] }), async (ctx) => {
    ctx.body = await catalogue.list()
  })
  router.post('/import', cache.invalidates({ tags: ['catalogue'] }), async (ctx) => {
    await catalogue.list()
    ctx.status = 204
  })
  app.use(router.routes())
  return served(app.callback(), cache)
}

function onNode(catalogue) {
  const listener = async (request, response) => {
    const items = await catalogue.list()
    if (request.method === 'POST') {
      await handler.invalidate({ tags: ['catalogue'] })
      return response.writeHead(204).end()
    }
    request.cache.ttl('1m').tag('catalogue')
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(items))
  }
  const handler = cached(listener)
  return served(handler, handler)
}

/** By name: how to serve the catalogue. */
export const frameworks = {
  Express: onExpress,
  Fastify: onFastify,
  Koa: onKoa,
  'node:http': onNode,
}
