import type { IncomingMessage } from 'node:http'
import {
  CacheConfigError,
  type CacheOptions,
  type ConfigProblem,
  createCache,
  type Decision,
  type Forward,
  type HandlerCache,
  isPromise,
  type ResponseCache,
  type RoutePolicy,
  type RouteRules,
  type SelectedResponse,
  type Selector,
} from '@stowage/core'
import {
  attach,
  attachedTo,
  currentFields,
  editRequest,
  isRevalidation as isMarked,
  replay,
  replayOf,
} from '@stowage/node'
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  RouteOptions,
} from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { bodyFor, type Done, putHead, ReplyCapture } from './capture.ts'
import { ForwardableRequest, rewrittenOf } from './request.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The cache of this instance and of those inside it. */
    cache: ResponseCache<FastifyRequest>
  }
  interface FastifyRequest {
    /** What the handler can say to the cache about its response; outside a cached route it does nothing. */
    cache: HandlerCache
  }
  interface FastifyContextConfig {
    /** The policy of the route: an object, a ttl, or false. Without a ttl 300 s. */
    cache?: RoutePolicy<FastifyRequest>
    /** What to invalidate when the route has answered with 2xx or 3xx, before the answer leaves. */
    cacheInvalidates?: Selector | ((request: FastifyRequest) => Selector)
  }
}

/**
 * Options of the plugin: those of a cache, and how it stands in Fastify.
 *
 * @example
 * const options: FastifyCacheOptions = { ttl: '1m', hook: 'preHandler' }
 */
export interface FastifyCacheOptions extends CacheOptions<FastifyRequest> {
  /** A cache that others use as well. It stays open when the server closes; policy options are its defaults here. */
  cache?: ResponseCache<FastifyRequest>
  /**
   * Where requests are looked up: `'onRequest'` (default), after the route's other hooks of that name, or
   * `'preHandler'`, where policies need `request.user` or the parsed body.
   */
  hook?: 'onRequest' | 'preHandler'
}

type Cache = ResponseCache<FastifyRequest>

/** What one registration says for the routes inside its instance. */
interface Scope {
  readonly app: FastifyInstance
  readonly cache: Cache
  /** The defaults for its routes; undefined: the options of the cache. */
  readonly rules: RouteRules | undefined
  readonly hook: 'onRequest' | 'preHandler'
}

const scoped = Symbol('stowage.scope')
const captured = Symbol('stowage.capture')

type Scoped = FastifyInstance & { readonly [scoped]?: Scope }
type Captured = FastifyRequest & { [captured]: Layer | null }

/** What stands for a request at the beginning of `onSend`. */
interface Layer {
  readonly handler?: HandlerCache
  send(payload: unknown, done: Done, reply: FastifyReply): void
}

/** A stored response may have no Content-Type, and Fastify gives every buffer one. */
const withoutType: Layer = {
  send: (payload, done, reply) => {
    reply.removeHeader('content-type')
    done(null, payload)
  },
}

interface Place {
  readonly scope: Scope
  readonly rules: RouteRules | undefined
  readonly route: string
  readonly invalidates: ((request: FastifyRequest) => Selector) | undefined
}

const forwardTo = ({ scope, route }: Place, forward: Forward, reply: FastifyReply): void => {
  const request = reply.request as Captured
  attach(request.raw, scope.cache, forward)
  editRequest(request.raw, forward.request.headers, forward.requestEdits)
  request[captured] = new ReplyCapture(reply, forward, route)
}

/** By way of Fastify, so that the `onSend` hooks of others have their part in it, as they have in every answer. */
const sendSelected = (reply: FastifyReply, response: SelectedResponse): void => {
  putHead(reply, response)
  if (response.body !== null && !reply.hasHeader('content-type'))
    (reply.request as Captured)[captured] = withoutType
  // What is null Fastify would serialise.
  reply.send(bodyFor(reply, response) ?? undefined)
}

const act = (place: Place, decision: Decision, reply: FastifyReply, next: () => void): void => {
  const { app, cache } = place.scope
  const { raw, request } = reply
  const gone = raw.destroyed || raw.writableEnded
  if (decision.action === 'reuse') {
    const { revalidation } = decision
    if (!gone) {
      sendSelected(reply, decision.response)
    }
    if (revalidation !== undefined)
      replay(cache, revalidation, (detached, into) => app.routing(detached, into))
    return
  }
  if (gone) {
    decision.abort(new Error('the client has gone'))
    return
  }
  const { invalidates } = place
  if (invalidates !== undefined) cache.invalidateAfter(decision, () => invalidates(request))
  if (attachedTo(request.raw, cache) !== decision) forwardTo(place, decision, reply)
  else editRequest(request.raw, decision.request.headers, decision.requestEdits)
  next()
}

/** The answer to a request; one that another place has forwarded already, or a replay, knows its Forward. */
const decide = ({ scope, rules, route }: Place, request: FastifyRequest): Decision | Promise<Decision> => {
  const { cache } = scope
  const known = attachedTo(request.raw, cache) ?? replayOf(request.raw, cache)
  if (known === undefined) return cache.lookup(new ForwardableRequest(request, route), rules)
  const headers = currentFields(request, known.request.headers)
  known.meet({ raw: request, route, headers, rewritten: rewrittenOf(request) })
  return rules === undefined ? known : cache.refine(known, rules)
}

const hookAt =
  (place: Place): onRequestHookHandler =>
  (request, reply, next) => {
    const decision = decide(place, request)
    if (isPromise(decision)) decision.then((settled) => act(place, settled, reply, next)).catch(next)
    else act(place, decision, reply, next)
  }

/** Throws every problem of one place at once: those that are known, and those that `make` finds. */
const together = <T>(problems: readonly ConfigProblem[], make: () => T): T => {
  const [first, ...rest] = problems
  try {
    const made = make()
    if (first === undefined) return made
  } catch (error) {
    if (!(error instanceof CacheConfigError)) throw error
    throw new CacheConfigError([...error.problems, ...problems] as [ConfigProblem, ...ConfigProblem[]])
  }
  throw new CacheConfigError([first, ...rest])
}

const selectorProblems = (cache: Cache, selector: unknown, where: string): readonly ConfigProblem[] => {
  if (selector === undefined || typeof selector === 'function') return []
  try {
    cache.checkSelector(selector as Selector)
    return []
  } catch (error) {
    if (!(error instanceof CacheConfigError)) throw error
    return error.problems.map((problem) => ({
      ...problem,
      path: `${where}.cacheInvalidates`,
      message: `${where}: cacheInvalidates: ${problem.message}`,
    }))
  }
}

/** Methods that change nothing; of every other one the response invalidates (RFC 9111 §4.4). */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])

/** Validates what a route says and gives it the hook, where the cache has anything to do there. */
const declareRoute = (scope: Scope, route: RouteOptions): void => {
  const { cache: policy, cacheInvalidates: selector } = route.config ?? {}
  const methods = [route.method].flat()
  const where = `${methods.join(',')} ${route.url}`
  const rules = together(selectorProblems(scope.cache, selector, where), () =>
    policy === undefined ? scope.rules : scope.cache.policy(policy, where, scope.rules),
  )
  if (rules !== undefined)
    for (const method of methods) scope.cache.declare(rules, { method, route: route.url })
  const concerns = (method: string): boolean => !safe.has(method) || scope.cache.mayStore(method, rules)
  // Who has switched a route off finds that in Cache-Status.
  if (policy === undefined && selector === undefined && !methods.some(concerns)) return
  const invalidates = typeof selector === 'object' ? () => selector : selector
  const hook = hookAt({ scope, rules, route: route.url, invalidates })
  // A new list: the one that is there belongs to the user, who may give it to several routes.
  route[scope.hook] = [route[scope.hook] ?? [], hook].flat() as onRequestHookHandler[]
}

const onSend = (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
  const layer = (request as Captured)[captured]
  if (layer === null) done(null, payload)
  else layer.send(payload, done, reply)
}

/**
 * Hooks run in the order in which plugins are registered, those of `onSend` as well: the first is the innermost. What
 * the hooks of a plugin in front do to a reply would be stored, and done to it again at every hit. Fastify has no
 * public way to be first; where its list is not found, the order of registration counts.
 */
const addFirst = (app: FastifyInstance): void => {
  const name = Object.getOwnPropertySymbols(app).find(({ description }) => description === 'fastify.hooks')
  const hooks = name && (app as unknown as Record<symbol, { readonly onSend?: unknown[] }>)[name]
  if (Array.isArray(hooks?.onSend)) hooks.onSend.unshift(onSend)
  else app.addHook('onSend', onSend)
}

const hooks: readonly unknown[] = ['onRequest', 'preHandler']

const hookProblems = (hook: unknown): readonly ConfigProblem[] => {
  if (hooks.includes(hook)) return []
  const message = 'cachePlugin: hook must be "onRequest" or "preHandler".'
  return [
    { code: 'CACHE_CONFIG_TYPE', path: 'cachePlugin.hook', received: hook, message, hint: '"onRequest"' },
  ]
}

const scopeFor = (app: FastifyInstance, options: FastifyCacheOptions): Scope => {
  const around = (app as Scoped)[scoped]
  const { cache: given, hook = around?.hook ?? 'onRequest', ...rest } = options
  const shared = given ?? (rest.backend === undefined ? around?.cache : undefined)
  return together(hookProblems(hook), () => {
    if (shared === undefined) return { app, hook, cache: createCache(rest, 'cachePlugin'), rules: undefined }
    const outer = shared === around?.cache ? around.rules : undefined
    const rules = Object.keys(rest).length === 0 ? outer : shared.defaults(rest, 'cachePlugin', outer)
    return { app, hook, cache: shared, rules }
  })
}

const install: FastifyPluginAsync<FastifyCacheOptions> = async (app, options) => {
  const scope = scopeFor(app, options)
  const { cache } = scope
  const around = (app as Scoped)[scoped]
  if (around === undefined) {
    app.decorateRequest(captured, null)
    app.decorateRequest('cache', {
      getter(this: FastifyRequest) {
        return (this as Captured)[captured]?.handler ?? cache.bypass(new ForwardableRequest(this, '')).handler
      },
    })
    addFirst(app)
  }
  app.decorate(scoped, scope)
  app.decorate('cache', cache)
  app.addHook('onRoute', function (route) {
    // A registration further inside answers for its own routes.
    if ((this as Scoped)[scoped] === scope) declareRoute(scope, route)
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

/**
 * Whether a request is a background revalidation: for access logs and rate limiters, which count clients.
 *
 * @param request Fastify's request, or Node's.
 * @example
 * await app.register(rateLimit, { allowList: (request) => isRevalidation(request) })
 */
export const isRevalidation = (request: FastifyRequest | IncomingMessage): boolean =>
  isMarked('raw' in request ? request.raw : request)
