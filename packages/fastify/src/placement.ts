import type { FastifyInstance } from 'fastify'

const mostNamed = 5

/** Instances inside of others inherit from them. */
const isOutermost = (app: FastifyInstance): boolean => !('register' in Object.getPrototypeOf(app))

/** The patterns of a printed tree of routes: each line goes on where the one that it is under has ended. */
const patternsIn = (tree: string): readonly string[] => {
  const above: string[] = []
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', node] = /^([│ ]*)[├└]── (.*)$/u.exec(line) ?? []
    if (node === undefined) return []
    const [text = '', ...methods] = node.split(' (GET)')
    const depth = indent.length / 4
    above[depth] = (above[depth - 1] ?? '') + text
    return methods.length === 0 ? [] : [above[depth]]
  })
}

/**
 * Fastify tells a plugin of routes that are declared once it is loaded. Of those that were there before it has no list,
 * only a print; whose they are it does not say, so that only the outermost instance knows them to be its own.
 */
export const warnOfEarlier = (app: FastifyInstance): void => {
  if (!isOutermost(app)) return
  const earlier = patternsIn(app.printRoutes({ method: 'GET' }))
  if (earlier.length === 0) return
  const named = earlier.slice(0, mostNamed).join(', ')
  const more = earlier.length > mostNamed ? ` and ${earlier.length - mostNamed} more` : ''
  const message = `cachePlugin: routes declared before it was loaded are not cached: GET ${named}${more}. Await its registration first.`
  process.emitWarning(message, { type: 'StowageWarning', code: 'CACHE_CONFIG_ORDER' })
}
