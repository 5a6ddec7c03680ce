import type { FastifyInstance } from 'fastify'

const mostNamed = 5
/** Requests by which a route that was there earlier shows: what Fastify says of one it puts together each time. */
const mostAsked = 1000

/** Instances inside of others inherit from them. */
const isOutermost = (app: FastifyInstance): boolean => !('register' in Object.getPrototypeOf(app))

/** The patterns of a printed tree of routes: each line goes on where the one that it is under has ended. */
const patternsIn = (tree: string): readonly string[] => {
  const above: string[] = []
  const nodes = tree.matchAll(/^([│ ]*)[├└]── (.*?)( \(GET\).*)?$/gmu)
  return Array.from(nodes, ([, indent = '', text, isRoute]) => {
    const depth = indent.length / 4
    const pattern = (above[depth - 1] ?? '') + text
    above[depth] = pattern
    return isRoute === undefined ? [] : [pattern]
  }).flat()
}

const warn = (routes: string): void => {
  const message = `cachePlugin: routes declared before it was loaded are not cached: GET ${routes}. Await its registration first.`
  process.emitWarning(message, { type: 'StowageWarning', code: 'CACHE_CONFIG_ORDER' })
}

/** Everything that is there is the outermost instance's, or of those inside. */
const warnOfPrinted = (app: FastifyInstance): void => {
  const earlier = patternsIn(app.printRoutes({ method: 'GET' }))
  if (earlier.length === 0) return
  const more = earlier.length > mostNamed ? ` and ${earlier.length - mostNamed} more` : ''
  warn(`${earlier.slice(0, mostNamed).join(', ')}${more}`)
}

/** Whose the routes are a print does not say: of another instance the first request for one shows it, once. */
const warnOfMet = (app: FastifyInstance): void => {
  const later = new Set<string | undefined>()
  let left = mostAsked
  app.addHook('onRoute', ({ url }) => void later.add(url))
  app.addHook('onRequest', (request, _reply, done) => {
    if (left > 0 && request.method === 'GET' && !request.is404) {
      left -= 1
      const { url, config } = request.routeOptions
      if (!later.has(url) && config.cache !== false) {
        left = 0
        warn(String(url))
      }
    }
    done()
  })
}

/**
 * Fastify tells a plugin of routes that are declared once it is loaded. Of those that were there before it has no list,
 * only a print.
 */
export const warnOfEarlier = (app: FastifyInstance): void =>
  isOutermost(app) ? warnOfPrinted(app) : warnOfMet(app)
