import 'reflect-metadata'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Controller, Get, Module, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { fakeClock } from '@stowage/core/testing'
import { type CachedListener, cached, isRevalidation } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectApp, express, Fastify, fresh, Koa } from './cached.ts'
import { ask, listen } from './plain.ts'

type Cached = { readonly cache?: { tag(...tags: string[]): unknown } }

/** What each application answers: its run, with a tag and a lifetime of its own. */
interface Counted {
  readonly runs: () => number
  /** Counts a run, tags it through the request of node:http, and makes the answer. */
  readonly run: (request: Cached) => string
  readonly refreshes: () => number
}

const counted = (): Counted => {
  let runs = 0
  let refreshes = 0
  return {
    runs: () => runs,
    refreshes: () => refreshes,
    run: (request) => {
      runs += 1
      if (isRevalidation(request)) refreshes += 1
      request.cache?.tag('items')
      return `run ${runs}`
    },
  }
}

type Wrap = (listener: RequestListener) => CachedListener
type Build = (counter: Counted, wrap: Wrap) => Promise<Server>

const onExpress: Build = async (counter, wrap) => {
  const app = express()
  app.get('/items', (req, res) => void res.set('Cache-Control', fresh).send(counter.run(req)))
  return createServer(wrap(app))
}

const onKoa: Build = async (counter, wrap) => {
  const app = new Koa()
  app.use((ctx) => {
    ctx.set('Cache-Control', fresh)
    ctx.body = counter.run(ctx.req)
  })
  return createServer(wrap(app.callback()))
}

const onConnect: Build = async (counter, wrap) => {
  const app = connectApp()
  app.use('/items', (req, res) => {
    res.setHeader('Cache-Control', fresh)
    res.end(counter.run(req))
  })
  return createServer(wrap(app))
}

const onFastify: Build = async (counter, wrap) => {
  const app = Fastify({ serverFactory: (handler) => createServer(wrap(handler)) })
  app.get('/items', async (request, reply) => {
    reply.header('cache-control', fresh)
    return counter.run(request.raw)
  })
  await app.ready()
  return app.server as Server
}

const onFastifyRouting: Build = async (counter, wrap) => {
  const app = Fastify()
  app.get('/items', async (request, reply) => {
    reply.header('cache-control', fresh)
    return counter.run(request.raw)
  })
  await app.ready()
  return createServer(wrap((request, response) => app.routing(request, response)))
}

const onNest: Build = async (counter, wrap) => {
  class Items {
    list(request: import('express').Request): string {
      request.res?.set('Cache-Control', fresh)
      return counter.run(request)
    }
  }
  Req()(Items.prototype, 'list', 0)
  Get('/items')(Items.prototype, 'list', Object.getOwnPropertyDescriptor(Items.prototype, 'list') ?? {})
  Controller()(Items)
  class Shop {}
  Module({ controllers: [Items] })(Shop)
  const app = await NestFactory.create(Shop, new ExpressAdapter(), { logger: false })
  await app.init()
  onTestFinished(() => app.close())
  return createServer(wrap(app.getHttpAdapter().getInstance() as RequestListener))
}

const onNothing: Build = async (counter, wrap) =>
  createServer(
    wrap((request, response) => {
      response.setHeader('Cache-Control', fresh)
      response.end(counter.run(request))
    }),
  )

describe.each([
  ['Express', onExpress],
  ['Koa', onKoa],
  ['Connect', onConnect],
  ["Fastify's serverFactory", onFastify],
  ["Fastify's routing", onFastifyRouting],
  ['NestJS on Express', onNest],
  ['a bare listener', onNothing],
] as const)('in front of %s', (_, build) => {
  test('a hit never enters it, what it says of its response counts, and a refresh enters at its door', async () => {
    const clock = fakeClock()
    const counter = counted()
    let handler: CachedListener | undefined
    const server = await build(counter, (listener) => {
      handler = cached(listener, { clock, staleWhileRevalidate: '1m' })
      return handler
    })
    const port = await listen(server)
    expect((server.address() as AddressInfo).port).toBe(port)
    expect(await ask(port, '/items')).toMatchObject({ status: 200, text: 'run 1' })
    expect(await ask(port, '/items')).toMatchObject({ text: 'run 1', cache: 'stowage; hit; ttl=60' })
    await handler?.invalidate({ tags: ['items'] })
    expect((await ask(port, '/items')).text).toBe('run 2')
    clock.advance(70_000)
    const refreshed = new Promise((resolve) => handler?.on('refresh', resolve))
    expect((await ask(port, '/items')).cache).toContain('detail=swr')
    expect(await refreshed).toMatchObject({ ok: true })
    expect(await ask(port, '/items')).toMatchObject({ text: 'run 3', cache: 'stowage; hit; ttl=60' })
    expect([counter.runs(), counter.refreshes()]).toEqual([3, 1])
  })
})
