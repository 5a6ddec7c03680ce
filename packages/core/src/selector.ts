import { absoluteUrl, everything, keyTag, prefixTag, routeTag, tagOfUrl, userTag } from './entry-tags.ts'
import { CacheConfigError, showValue } from './errors.ts'

/**
 * What to invalidate. `url`: a path with its query, on any host, or an absolute URL. `urlPrefix`: whole path
 * segments, so that `/a` covers `/a` and `/a/b` and not `/ab`. `key`: of a value that `getOrSet` keeps.
 *
 * @example
 * await cache.invalidate({ tags: ['catalogue'] })
 * await cache.invalidate({ urlPrefix: '/items' }, { mode: 'stale' })
 */
export type Selector =
  | { readonly tags: readonly string[] }
  | { readonly url: string }
  | { readonly urlPrefix: string }
  | { readonly route: string }
  | { readonly key: string }
  | { readonly all: true }

/**
 * `'remove'` (default): never served again. `'stale'`: served within the stale windows until it is validated.
 *
 * @example
 * await cache.invalidate({ all: true }, { mode: 'stale', reason: 'import finished' })
 */
export interface InvalidateOptions {
  readonly mode?: 'stale' | 'remove'
  /** Shown in the `invalidate` event. */
  readonly reason?: string
}

/** The tags whose invalidation carries out a selector; their number does not depend on the number of entries. */
const tagsOf = (selector: Selector): readonly string[] => {
  if ('tags' in selector) return selector.tags.map(userTag)
  if ('url' in selector) return [tagOfUrl(selector.url)]
  if ('urlPrefix' in selector) return [prefixTag(selector.urlPrefix)]
  if ('route' in selector) return [routeTag(selector.route)]
  if ('key' in selector) return [keyTag(selector.key)]
  return [everything]
}

/** One invalidation, ready to be carried out. */
export interface Invalidation {
  readonly selector: Selector
  readonly tags: readonly string[]
  readonly mode: 'stale' | 'remove'
  readonly reason?: string
}

const known = 'Use { tags: [...] }, { url }, { urlPrefix }, { route }, { key } or { all: true }.'

/**
 * Where a selector is stated, as errors tell it.
 *
 * @example
 * const place: SelectorPlace = { site: 'POST /items: cacheInvalidates', path: 'cacheInvalidates' }
 */
export interface SelectorPlace {
  /** What a message begins with. */
  readonly site: string
  readonly path: string
}

const atInvalidate: SelectorPlace = { site: 'invalidate', path: 'selector' }

const refuseSelector = (
  { site, path }: SelectorPlace,
  received: unknown,
  message: string,
  hint = known,
): never => {
  const problem = { code: 'CACHE_CONFIG_SELECTOR', path, received, hint } as const
  throw new CacheConfigError([{ ...problem, message: `${site}: ${message} ${hint}` }])
}

const shownSelector = (selector: object): string => {
  try {
    return JSON.stringify(selector)
  } catch {
    return showValue(selector)
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isSelector = (value: object): value is Selector => {
  const [[name, member] = ['', undefined], ...others] = Object.entries(value)
  if (others.length > 0) return false
  if (name === 'tags') return Array.isArray(member) && member.length > 0 && member.every(isText)
  if (name === 'all') return member === true
  if (name === 'url') return isText(member) && (member.startsWith('/') || absoluteUrl.test(member))
  if (name === 'urlPrefix') return isText(member) && member.startsWith('/')
  return (name === 'route' || name === 'key') && isText(member)
}

/** Checks a selector and finds its tags. Throws a `CacheConfigError` with `CACHE_CONFIG_SELECTOR`. */
export const invalidationOf = (
  selector: Selector,
  options: InvalidateOptions = {},
  place = atInvalidate,
): Invalidation => {
  if (typeof selector !== 'object' || selector === null)
    return refuseSelector(place, selector, 'a selector is an object.')
  if (!isSelector(selector))
    return refuseSelector(place, selector, `${shownSelector(selector)} is no selector.`)
  const { mode = 'remove', reason } = options
  if (mode !== 'remove' && mode !== 'stale')
    return refuseSelector(
      place,
      mode,
      `mode ${JSON.stringify(mode)} is not known.`,
      'Use "remove" or "stale".',
    )
  return { selector, tags: tagsOf(selector), mode, ...(reason === undefined ? {} : { reason }) }
}
