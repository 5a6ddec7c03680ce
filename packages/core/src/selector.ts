import { isUtf8 } from 'node:buffer'
import { sha256 } from './digest.ts'
import { CacheConfigError, showValue } from './errors.ts'
import { normalAuthority } from './semantics/invalidate.ts'
import { splitTarget } from './view.ts'

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

/** What every stored response carries beside its own tags: all of them, its URLs, and the prefixes of its path. */
const everything = '*'
const longestTag = 256
/** Deeper segments are covered by the prefix at this depth: invalidating too much is safe. */
const deepestPrefix = 32

const bounded = (tag: string): string => (tag.length <= longestTag ? tag : `#${sha256(tag)}`)

/** What Node takes from the wire is one character a byte: text beyond ASCII is UTF-8 there, if it is text at all. */
const textOfBytes = (text: string): string => {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : text
}

/** Decodes what is encoded, save for what would be read as another part of the URL. */
const decodeLoosely = (text: string, delimiters: RegExp): string =>
  textOfBytes(text).replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run.replace(delimiters, (encoded) => `%25${encoded.slice(1)}`))
    } catch {
      return run
    }
  })

const pathDelimiters = /%(?:2f|3f|23|25)/gi
const queryDelimiters = /%(?:26|3d|23|25|2b)/gi

/** Frameworks route `/A/`, `/a` and `/%61` to one handler, and give it the same parameters for `@` and `%40`, so one name invalidates all of them; keys stay exact. */
const loosePath = (path: string): string => {
  const lower = decodeLoosely(path, pathDelimiters).toLowerCase()
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower
}

/** Names sorted: the order of parameters does not hide an entry from its invalidation. */
const looseQuery = (query: string | undefined): string =>
  query === undefined || query === ''
    ? ''
    : `?${decodeLoosely(query.replaceAll('+', ' '), queryDelimiters).toLowerCase().split('&').sort().join('&')}`

const looseTarget = (url: string): string => {
  const { path, query } = splitTarget(url)
  return loosePath(path) + looseQuery(query)
}

/** Of a loose target on any host, and on one. */
const urlTag = (target: string): string => bounded(`u:${target}`)
const absoluteTag = (origin: string, target: string): string => bounded(`U:${origin}${target}`)

const originOf = (scheme: string, authority: string): string => {
  const lower = scheme.toLowerCase()
  return `${lower}://${normalAuthority(lower, authority)}`
}

const prefixesOf = (path: string): string[] => {
  const prefixes = ['/']
  let at = path.indexOf('/', 1)
  while (at > 0 && prefixes.length < deepestPrefix) {
    prefixes.push(path.slice(0, at))
    at = path.indexOf('/', at + 1)
  }
  if (path !== '/' && prefixes.length < deepestPrefix) prefixes.push(path)
  return prefixes
}

/** The prefix tag that covers `path`: its own, or the deepest one that entries carry. */
const prefixTag = (prefix: string): string => {
  const path = loosePath(prefix)
  return bounded(`p:${prefixesOf(path).at(-1) ?? '/'}`)
}

export const userTag = (tag: string): string => bounded(`t:${tag}`)

const routeTag = (route: string): string => bounded(`r:${route}`)

const keyTag = (key: string): string => bounded(`k:${key}`)

/** The tags that a value loaded under a key carries beside its own. */
export const loadTags = (key: string): readonly string[] => [everything, keyTag(key)]

/** A request target, and the form of it that the key rules left. */
export interface Target {
  readonly scheme: string
  readonly authority: string
  /** Path and query as received. */
  readonly url: string
  /** The same with the query that counts for the key. */
  readonly keyedUrl: string
}

/** The tags that a stored response carries by where it came from. */
export const implicitTags = (target: Target, route: string | undefined): readonly string[] => {
  const { url, keyedUrl } = target
  const tags = new Set([everything])
  const origin = originOf(target.scheme, target.authority)
  for (const each of url === keyedUrl ? [url] : [url, keyedUrl]) {
    const loose = looseTarget(each)
    tags.add(urlTag(loose))
    tags.add(absoluteTag(origin, loose))
  }
  for (const prefix of prefixesOf(loosePath(splitTarget(url).path))) tags.add(bounded(`p:${prefix}`))
  if (route !== undefined) tags.add(routeTag(route))
  return [...tags]
}

const absolute = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i

/** The tag of one absolute or any-host URL. */
export const tagOfUrl = (url: string): string => {
  const parts = absolute.exec(url)
  if (parts === null) return urlTag(looseTarget(url.split('#', 1)[0] ?? url))
  const [, scheme = '', authority = '', rest = ''] = parts
  return absoluteTag(originOf(scheme, authority), looseTarget(rest.startsWith('/') ? rest : `/${rest}`))
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
  if (name === 'url') return isText(member) && (member.startsWith('/') || absolute.test(member))
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
