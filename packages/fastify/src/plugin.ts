import { createCache } from '@stowage/core'
import { checkAll, checkFits, checkOneOf, isCache } from '@stowage/node'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { captureOf, capturing } from './capture.ts'
import { addFirst } from './hooks.ts'
import type { FastifyCacheOptions } from './options.ts'
import { layerAt } from './place.ts'
import { warnOfEarlier } from './placement.ts'
import { asRead } from './request.ts'
import { declareRoute } from './routes.ts'
import { type Scope, type Scoped, scoped } from './scope.ts'

const checkGiven = (given: unknown): void =>
  checkFits(
    given === undefined || isCache(given),
    given,
    'cachePlugin',
    'cache',
    'a cache, as createCache() makes one',
  )

const scopeFor = (app: FastifyInstance, options: FastifyCacheOptions): Scope => {
  const around = (app as Scoped)[scoped]
  const { cache: given, hook = around?.hook ?? 'onRequest', ...rest } = options
  const shared = given ?? (rest.backend === undefined ? around?.cache : undefined)
  const [scope] = checkAll(
    () => {
      checkGiven(given)
      const cache = shared ?? createCache(rest, 'cachePlugin')
      const outer = cache === around?.cache ? around.rules : undefined
      // A cache of its own has the options as its own; beside one that is there they are defaults here.
      const rules = cache.defaults(shared === undefined ? {} : rest, 'cachePlugin', outer)
      const { layers = [] } = around ?? {}
      const isThere = layers.some((layer) => layer.cache === cache)
      const all = isThere ? layers : [...layers, layerAt(cache, app)]
      return { hook, cache, layers: all, rules, invalidatesSafely: false }
    },
    () => checkOneOf(hook, ['onRequest', 'preHandler'], 'cachePlugin', 'hook'),
  )
  return scope
}

const install: FastifyPluginAsync<FastifyCacheOptions> = async (app, options) => {
  const scope = scopeFor(app, options)
  const { cache } = scope
  const around = (app as Scoped)[scoped]
  if (around === undefined) {
    warnOfEarlier(app)
    app.decorateRequest(capturing, null)
    app.decorateRequest('cache', {
      getter(this: FastifyRequest) {
        return captureOf(this)?.cache ?? cache.bypass(asRead(this)).handler
      },
    })
    addFirst(app)
  }
  app.decorate(scoped, scope)
  app.decorate('cache', cache)
  app.addHook('onRoute', function (route) {
    // A registration further inside answers for its own routes.
    if ((this as Scoped)[scoped] === scope) declareRoute(scope, this, route)
  })
  if (cache !== options.cache && cache !== around?.cache) app.addHook('onClose', () => cache.close())
}

/**
 * A shared HTTP cache for Fastify. Without options it stores only what handlers themselves declare fresh
 * (`Cache-Control: max-age`, `s-maxage`, `Expires`, or a targeted field); a `ttl` gives every response a lifetime.
 * Registered again inside an encapsulated context, policy options are the defaults of the routes there; with a
 * `backend` it makes a cache of its own.
 *
 * Registration rejects with a `CacheConfigError` where an option cannot work, with every problem at once; declaring a
 * route throws one that names the route.
 *
 * @example
 * await app.register(cachePlugin, { ttl: '1m' })
 * app.get('/items', { config: { cache: { ttl: '5m', tags: ['items'] } } }, listItems)
 */
export const cachePlugin: FastifyPluginAsync<FastifyCacheOptions> = fastifyPlugin(install, {
  name: '@stowage/fastify',
  fastify: '>=4.28 <6',
})
