import type { SettingsReader } from '@stowage/core'
import type { RedisOptions, RedisTls } from './options.ts'

/** How to reach the servers. */
export interface Target {
  readonly url: string
  readonly cluster: readonly string[]
  readonly sentinel: { readonly name: string; readonly nodes: readonly string[] } | undefined
  readonly tls: RedisTls | undefined
  readonly maxConnections: number
  readonly socketTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly healthCheckMs: number
}

type Reader = SettingsReader<RedisOptions>

const standardUrl = 'redis://localhost:6379'

/** Urls hold passwords: what is wrong with one is said without showing it. */
const hidden = 'a url, not shown because it may hold a password'

const isRedisUrl = (value: unknown): value is string => {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, hostname, pathname } = new URL(value)
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(?:\/\d{0,4})?$/.test(pathname)
}

const urlRule = 'must be a url such as redis://user:password@host:6379/0, or rediss:// for TLS'

const readUrl = (read: Reader): string => {
  const url = read.given('url') ?? standardUrl
  if (isRedisUrl(url)) return url
  read.refuse(
    'CACHE_CONFIG_TYPE',
    'url',
    typeof url === 'string' ? hidden : url,
    `url ${urlRule}`,
    standardUrl,
  )
  return standardUrl
}

const readNodes = (read: Reader, name: 'cluster' | 'sentinel', nodes: unknown): readonly string[] => {
  const list = Array.isArray(nodes) ? nodes : []
  const urls = list.map((node: unknown) =>
    typeof node === 'string' && !node.includes('://') ? `redis://${node}` : node,
  )
  if (urls.length > 0 && urls.every(isRedisUrl)) return urls
  const path = name === 'cluster' ? name : 'sentinel.nodes'
  read.refuse('CACHE_CONFIG_TYPE', path, hidden, `${path} must be a list of urls, or of host:port`)
  return []
}

const readSentinel = (read: Reader): Target['sentinel'] => {
  const given = read.given('sentinel')
  if (given === undefined) return undefined
  const { name, nodes } = (given ?? {}) as { name?: unknown; nodes?: unknown }
  if (typeof name !== 'string' || name === '') {
    read.refuse('CACHE_CONFIG_TYPE', 'sentinel.name', name, 'sentinel.name must be the name of a master')
    return undefined
  }
  return { name, nodes: readNodes(read, 'sentinel', nodes) }
}

const readTls = (read: Reader, urls: readonly string[]): RedisTls | undefined => {
  const tls = read.given('tls')
  const secure = urls.some((url) => url.startsWith('rediss:'))
  if (tls === undefined) return secure ? {} : undefined
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    read.refuse('CACHE_CONFIG_TYPE', 'tls', tls, 'tls must be an object such as { ca }')
  } else if (!secure) {
    read.refuse(
      'CACHE_CONFIG_TYPE',
      'tls',
      tls,
      'tls is given, but no url begins with rediss://',
      'rediss://',
    )
  }
  return tls as RedisTls
}

/** One of them says where Redis is. */
export const checkTogether = (read: Reader): void => {
  const stated = (['client', 'cluster', 'url'] as const).filter((name) => read.given(name) !== undefined)
  if (stated.length < 2) return
  const rule = `${stated.join(' and ')} are both given. Keep one of them: each says where Redis is`
  read.refuse('CACHE_CONFIG_TYPE', stated[1] ?? 'url', hidden, rule)
}

export const readTarget = (read: Reader): Target => {
  const url = readUrl(read)
  const cluster = read.given('cluster') === undefined ? [] : readNodes(read, 'cluster', read.given('cluster'))
  return {
    url,
    cluster,
    sentinel: readSentinel(read),
    tls: readTls(read, [url, ...cluster]),
    maxConnections: read.count('maxConnections', 1, { most: 100 }),
    socketTimeoutMs: read.duration('socketTimeout', 1, { mostSeconds: 60 }),
    connectTimeoutMs: read.duration('socketConnectTimeout', 1, { mostSeconds: 60 }),
    healthCheckMs: read.duration('healthCheckInterval', 30, { unbounded: true }),
  }
}
