import { isUtf8 } from 'node:buffer'
import { sha256 } from './digest.ts'
import { normalAuthority } from './semantics/invalidate.ts'
import { splitTarget } from './view.ts'

/** What every stored response carries beside its own tags: all of them, its URLs, and the prefixes of its path. */
export const everything = '*'
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
export const prefixTag = (prefix: string): string => {
  const path = loosePath(prefix)
  return bounded(`p:${prefixesOf(path).at(-1) ?? '/'}`)
}

export const userTag = (tag: string): string => bounded(`t:${tag}`)

export const routeTag = (route: string): string => bounded(`r:${route}`)

export const keyTag = (key: string): string => bounded(`k:${key}`)

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

export const absoluteUrl = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i

/** The tag of one absolute or any-host URL. */
export const tagOfUrl = (url: string): string => {
  const parts = absoluteUrl.exec(url)
  if (parts === null) return urlTag(looseTarget(url.split('#', 1)[0] ?? url))
  const [, scheme = '', authority = '', rest = ''] = parts
  return absoluteTag(originOf(scheme, authority), looseTarget(rest.startsWith('/') ? rest : `/${rest}`))
}
