// Koa, answering what the listeners of Express answer.
import { cacheMiddleware } from '@stowage/koa'
import Koa from 'koa'
import koaCash from 'koa-cash'
import { large, small } from './bodies.mjs'

const isLarge = (ctx) => ctx.path.startsWith('/large')

/** An application whose handler makes its answer anew, behind `layers`. */
function withLayers(handled, ...layers) {
  const app = new Koa()
  for (const layer of layers) app.use(layer)
  app.use((ctx) => {
    handled.count += 1
    ctx.set('Cache-Control', 'max-age=600')
    ctx.body = isLarge(ctx) ? large : small
  })
  return app.callback()
}

function cash() {
  const entries = new Map()
  return koaCash({
    maxAge: 600_000,
    compression: false,
    get: (key) => entries.get(key),
    set: (key, value) => void entries.set(key, value),
  })
}

const answerCashed = async (ctx, next) => {
  if (!(await ctx.cashed())) await next()
}

export const koaListeners = (handled, readySmall, readyLarge) => ({
  'koa floor': () =>
    withLayers(handled, (ctx) => {
      const { headers, body } = isLarge(ctx) ? readyLarge : readySmall
      ctx.set('Content-Type', headers['Content-Type'])
      ctx.body = body
    }),
  'koa fields': () =>
    withLayers(handled, (ctx) => {
      const { headers, body } = readySmall
      const seconds = Math.floor(performance.now() / 1000)
      ctx.set('Content-Type', headers['Content-Type'])
      ctx.set('Cache-Control', 'max-age=600')
      ctx.set('ETag', '"v7-aLPfs2DQLGIQKi4qGUAxzgccAT4"')
      ctx.set('Age', String(seconds))
      ctx.set('Cache-Status', `stowage; hit; ttl=${600 - seconds}`)
      ctx.body = body
    }),
  'koa uncached': () => withLayers(handled),
  'koa stowage': () => withLayers(handled, cacheMiddleware()),
  'koa-cash': () => withLayers(handled, cash(), answerCashed),
})
