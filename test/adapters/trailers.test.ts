import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cacheMiddleware as forExpress } from '@stowage/express'
import { cacheMiddleware as forKoa } from '@stowage/koa'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type KoaClass, majors as koas } from '../../packages/koa/test/koa.ts'
import { express4, express5 } from './express.ts'

type Handle = (response: ServerResponse) => void
/** Serves what a handler says of its response, and a body in pieces, behind a cache and what stands in front of that. */
type Listen = (options: never, outer: Handle, handle: Handle) => RequestListener

const answer = (response: ServerResponse): void => {
  response.write('bo')
  response.end('dy')
}

const onExpress =
  (express: typeof express5): Listen =>
  (options, outer, handle) =>
    express()
      .use((_request, response, next) => {
        outer(response)
        next()
      })
      .use(forExpress(options))
      .use((_request, response) => {
        handle(response)
        answer(response)
      })

const onKoa =
  (Koa: KoaClass): Listen =>
  (options, outer, handle) =>
    new Koa()
      .use((ctx, next) => {
        outer(ctx.res)
        return next()
      })
      .use(forKoa(options))
      .use((ctx) => {
        ctx.status = 200
        handle(ctx.res)
        ctx.body = Readable.from(['bo', 'dy'])
      })
      .callback()

const onNode: Listen = (options, outer, handle) => {
  const inside = cached((_request, response) => {
    handle(response)
    answer(response)
  }, options)
  return (incoming, response) => {
    outer(response)
    inside(incoming, response)
  }
}

const listens: readonly (readonly [string, Listen])[] = [
  ['Express 5', onExpress(express5)],
  ['Express 4', onExpress(express4)],
  ...koas.map(({ name, Koa }) => [name, onKoa(Koa)] as const),
  ['node:http', onNode],
]

describe.each(listens)('%s: the trailers of a layer in front of the cache', (_, listen) => {
  test.each([
    ['announced', true],
    ['not announced', false],
  ])(
    '%s, go with whatever has a body, and those of a handler only with its own',
    async (_how, isAnnounced) => {
      const clock = fakeClock()
      let runs = 0
      const outer: Handle = (response) => {
        if (isAnnounced) response.setHeader('Trailer', 'X-Sum')
        response.addTrailers({ 'X-Sum': 'outer' })
      }
      const handle: Handle = (response) => {
        runs += 1
        response.setHeader('Cache-Control', 'max-age=60').setHeader('ETag', '"a"')
        if (runs === 1) return
        response.statusCode = 503
        response.addTrailers({ 'X-Other': 'handler' })
      }
      const options = { clock, backend: memory({ clock }), staleIfError: '10m' } as never
      const server = createServer(listen(options, outer, handle)).listen(0, '127.0.0.1')
      await once(server, 'listening')
      onTestFinished(() => void server.close().closeAllConnections())
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      const whole = { status: 200, text: 'body', trailers: { 'x-sum': 'outer' } }
      for (const of of [/stored$/, /hit/]) {
        const { headers, ...rest } = await request(url)
        expect(rest).toMatchObject(whole)
        expect(headers['cache-status']).toMatch(of)
        expect(headers['content-length']).toBeUndefined()
      }
      const head = await request(url, { method: 'HEAD' })
      expect(head).toMatchObject({ status: 200, trailers: {}, headers: { 'content-length': '4' } })
      const known = await request(url, { headers: { 'if-none-match': '"a"' } })
      expect(known).toMatchObject({ status: 304, text: '', trailers: {} })
      clock.advance(90_000)
      expect(await request(url)).toMatchObject(whole)
      expect(runs).toBe(2)
    },
  )
})
