import { createServer, get, type RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { fakeClock } from '@stowage/core/testing'
import { type CachedListener, cached, isRevalidation } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { connectApp, express, fresh, Koa } from './cached.ts'
import { ask, listen } from './plain.ts'

interface Seen {
  readonly refresh: boolean
  readonly cookie: string | undefined
  readonly authorization: string | undefined
}

/** What each layer of an application tells of a request, and the stream that it answers with. */
type Build = (note: (layer: string, request: object) => void, body: () => Readable) => RequestListener

const onExpress: Build = (note, body) => {
  const [app, middle, inner] = [express(), express(), express()]
  app.use((req, _res, next) => {
    note('outer', req)
    next()
  })
  inner.get('/items/:id', (req, res) => {
    note('handler', req)
    res.set('Cache-Control', `public, ${fresh}`)
    body().pipe(res)
  })
  return app.use('/deep', middle.use('/mounted', inner))
}

const onConnect: Build = (note, body) => {
  const [app, inner] = [connectApp(), connectApp()]
  app.use((req, _res, next) => {
    note('outer', req)
    next()
  })
  inner.use('/items', (req, res) => {
    note('handler', req)
    res.setHeader('Cache-Control', `public, ${fresh}`)
    body().pipe(res)
  })
  return app.use('/deep/mounted', inner)
}

const onKoa: Build = (note, body) => {
  const app = new Koa()
  app.use((ctx, next) => {
    note('outer', ctx)
    return next()
  })
  app.use((ctx) => {
    note('handler', ctx.req)
    ctx.set('Cache-Control', `public, ${fresh}`)
    ctx.body = body()
  })
  return app.callback()
}

/** Asks, and leaves as soon as the answer begins. */
const askAndLeave = (port: number, path: string, headers: Record<string, string>): Promise<void> =>
  new Promise((resolve, reject) => {
    const asking = get({ port, path, headers, agent: false }, () => asking.destroy())
    asking.on('error', reject).on('close', () => resolve())
  })

describe.each([
  ['sub-applications of Express', onExpress],
  ['mounted Connect', onConnect],
  ['Koa', onKoa],
] as const)('a refresh through %s', (_, build) => {
  test('is one for all who ask, stores a stream after its client has gone, and is nobody’s', async () => {
    const clock = fakeClock()
    const seen: Record<string, Seen[]> = { outer: [], handler: [] }
    const note = (layer: string, request: object): void => {
      const { headers } = request as { readonly headers: Record<string, string | undefined> }
      const { cookie, authorization } = headers
      seen[layer]?.push({ refresh: isRevalidation(request), cookie, authorization })
    }
    let go = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const pieces = async function* (run: number): AsyncGenerator<string> {
      yield `run ${run}, `
      if (run > 1) await gate
      yield 'x'.repeat(100_000)
    }
    const handler: CachedListener = cached(
      build(note, () => Readable.from(pieces(seen.handler?.length ?? 0))),
      { clock, staleWhileRevalidate: '10m' },
    )
    const port = await listen(createServer(handler))
    const path = '/deep/mounted/items/7'
    const headers = { cookie: 'sid=alice', authorization: 'Bearer alice' }
    const whole = 'x'.repeat(100_000)
    expect((await ask(port, path, { headers })).text).toBe(`run 1, ${whole}`)
    clock.advance(70_000)
    const refreshed = new Promise((resolve) => handler.on('refresh', resolve))
    await askAndLeave(port, path, headers)
    for (const { text, cache } of await Promise.all([ask(port, path), ask(port, path)])) {
      expect(text).toBe(`run 1, ${whole}`)
      expect(cache).toContain('detail=swr')
    }
    go()
    expect(await refreshed).toMatchObject({ ok: true })
    expect(await ask(port, path)).toMatchObject({
      text: `run 2, ${whole}`,
      cache: 'stowage; hit; ttl=60',
    })
    const client = { refresh: false, ...headers }
    const nobody = { refresh: true, cookie: undefined, authorization: undefined }
    expect(seen).toEqual({ outer: [client, nobody], handler: [client, nobody] })
  })
})
