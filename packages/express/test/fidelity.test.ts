import type { Application } from 'express'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, expectSame } from './client.ts'
import { rawShapes } from './raw-shapes.ts'
import { engine, expressShapes, freshFor60s, type Shape } from './shapes.ts'
import { expresses, type Runs, twins } from './support.ts'

const views = new URL('./views', import.meta.url).pathname

const shapes = [...expressShapes, ...rawShapes]

const mount = (app: Application, { title, handler }: Shape, runs: Runs): void => {
  app.engine('tpl', engine)
  app.set('view engine', 'tpl')
  app.set('views', views)
  app.all('/shape', (request, response, next) => {
    runs.add(title)
    return handler(request, response, next)
  })
}

/** The length of what a handler streams is not in the head that HEAD is answered with. */
const differsForHead = ['content-length']

describe.each(expresses)('$name: a response is the same with the cache and without', ({ express }) => {
  test.each(shapes)('$title', async (shape) => {
    const { title, headers = {}, stored = true, head = true } = shape
    const { bare, cached, runs } = await twins(express, (app, layer, counted) => {
      app.use(layer, freshFor60s)
      mount(app, shape, counted)
    })
    const path = '/shape?callback=cb'
    const both = (method: string): Promise<[Answer, Answer]> =>
      Promise.all([ask(cached, path, { headers, method }), ask(bare, path, { headers, method })])

    const [miss, expected] = await both('GET')
    expect(miss.cache, title).toMatch(/^stowage; fwd=(uri-miss|bypass)/)
    expectSame(miss, expected, [], `${title} miss`)
    expect(miss.trailers).toEqual(expected.trailers)

    const [again] = await both('GET')
    expect(again.cache, title).toMatch(stored ? /^stowage; hit/ : /; fwd=/)
    expectSame(again, expected, [], `${title} hit`)
    // Trailers belong to one exchange: they are dropped from what is stored (RFC 9111 §3.1 permits it).
    if (stored) expect([again.trailers, again.headers.trailer], title).toEqual([{}, undefined])
    expect(runs.of(title)).toBe(stored ? 1 : 2)

    const [post, barePost] = await both('POST')
    expect(post.cache).toContain('fwd=method')
    expectSame(post, barePost, [], `${title} post`)
    if (!head) return

    const [headed, bareHeaded] = await both('HEAD')
    expect(headed.body).toHaveLength(0)
    expectSame(headed, bareHeaded, differsForHead, `${title} head`)
  })
})
