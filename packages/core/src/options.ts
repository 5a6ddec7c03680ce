import type { CacheBackend } from './backend.ts'
import type { ByteSize, Duration } from './durations.ts'

/**
 * What a policy function may look at of a request.
 *
 * @example
 * const byTenant = (request: RequestView) => request.header('x-tenant')
 */
export interface RequestView<Req = unknown> {
  readonly method: string
  /** The target URI, with the host and scheme as the framework resolves them. */
  readonly url: URL
  /** The pattern of the route, where the framework has found it already. */
  readonly route: string | undefined
  header(name: string): string | undefined
  cookie(name: string): string | undefined
  /** A list where the parameter is repeated. */
  query(name: string): string | readonly string[] | undefined
  /** The framework's own request. */
  readonly raw: Req
}

/**
 * What a policy function may look at of a response, when its head is known.
 *
 * @example
 * const ttl = (_: RequestView, response: ResponseView) => (response.status === 200 ? '5m' : false)
 */
export interface ResponseView {
  readonly status: number
  header(name: string): string | undefined
  /** Milliseconds from the start of the handler to the head of its response. */
  readonly durationMs: number
}

/**
 * What tells two requests for the same path apart.
 *
 * @example
 * const key: KeyRules = { query: { ignore: [...trackingParams, 'x_*'] }, headers: ['accept-language'] }
 */
export interface KeyRules<Req = unknown> {
  /** `'all'` (default), `'none'`, a list to keep, or `{ ignore: [...] }`; `*` is a wildcard in names. */
  query?: 'all' | 'none' | readonly string[] | { readonly ignore: readonly string[] }
  /** Request header fields; they are named in the response's `Vary` as well. Default none. */
  headers?: readonly string[]
  /** Cookies by name. Default none. */
  cookies?: readonly string[]
  /** Extra parts, by name. A function that answers undefined adds a part of its own kind. Default none. */
  by?: Readonly<Record<string, (request: RequestView<Req>) => string | undefined>>
  /** Whether host and scheme are part of the key. Default true. */
  host?: boolean
  /** How the body of a QUERY or POST enters the key: as canonical JSON or byte by byte. Default `'none'`. */
  body?: 'none' | 'bytes' | 'json'
  /** Of the request body; a larger one bypasses the cache. Default 64 kb. */
  maxBodyBytes?: ByteSize
}

/**
 * Who may share the stored response. Left out: everybody, but a request with credentials neither reads nor fills
 * an entry unless the response permits it. `'public'`: credentials do not matter here. `'private'`: not stored,
 * and sent as private. A function: one entry for each value that it returns; undefined bypasses the cache.
 *
 * @example
 * const scope: Scope = (request) => request.cookie('sid')
 */
export type Scope<Req = unknown> = 'public' | 'private' | ((request: RequestView<Req>) => string | undefined)

/**
 * A lifetime, or `false` for "do not store".
 *
 * @example
 * const ttl: TtlOption = '5m'
 */
export type TtlOption = Duration | false

/**
 * How a response is stored and reused. Every member may be left out; a stronger layer wins member by member.
 *
 * @example
 * const policy: CachePolicy = { ttl: '5m', staleWhileRevalidate: '1m', tags: ['catalogue'] }
 */
export interface CachePolicy<Req = unknown> {
  /** Freshness where the response itself does not say. Seconds or a string with a unit; false stores nothing. */
  ttl?: TtlOption | ((request: RequestView<Req>, response: ResponseView) => TtlOption | undefined)
  /**
   * Who decides about freshness: `'handler'` (default), where header fields win over `ttl`, or `'policy'`. That one also
   * overrides no-store, private, no-cache and Set-Cookie, so it needs a `scope`.
   */
  precedence?: 'handler' | 'policy'
  /** How long after its freshness a response is served while a refresh runs (RFC 5861 §3). Default 0. */
  staleWhileRevalidate?: Duration
  /** How long after its freshness it may stand in for a failing handler (RFC 5861 §4). Default 60 s. */
  staleIfError?: Duration
  /** How long a stale response with a validator is kept for validation. Default 1 h. */
  keep?: Duration
  /** Share of the time since Last-Modified that counts as fresh (RFC 9111 §4.2.2). Default false. */
  heuristic?: number | false
  /** Makes an ETag where the handler has none. Default true. */
  etag?: boolean
  /** Methods that are answered from the cache. GET and HEAD go together. Default GET and HEAD. */
  methods?: readonly ('GET' | 'HEAD' | 'QUERY' | 'POST')[]
  /** Lifetimes of statuses that a ttl alone does not cover, such as `{ 404: '10s' }`. */
  status?: Readonly<Record<number, TtlOption>>
  key?: KeyRules<Req>
  scope?: Scope<Req>
  /**
   * What browsers and CDNs are told, apart from the lifetime here: a whole Cache-Control, or a lifetime for each of
   * them; the one for CDNs goes into CDN-Cache-Control (RFC 9213). Default `'handler'`: its own fields as they are, and
   * `no-cache` where it set none and the ttl comes from a policy.
   */
  downstream?: Downstream
  /** Names to invalidate by. */
  tags?: readonly string[] | ((request: RequestView<Req>, response: ResponseView) => readonly string[])
  /** One handler run for concurrent requests. Default true: wait at most 5 s, then run the handler. */
  collapse?: boolean | { readonly wait?: Duration; readonly onTimeout?: 'run' | 'stale' | 503 }
  /**
   * How long the handler may take until a stale response is sent in its place, where there is one; it goes on, and its
   * response is stored. Default none.
   */
  softTimeout?: Duration
  /**
   * How long the handler may take until `req.cache.signal` aborts and a stale response is sent, or a 504. What it still
   * answers is dropped. Default none.
   */
  hardTimeout?: Duration
  /** Of the response body; a larger one is sent and not stored. Default 10 mb. */
  maxBodyBytes?: ByteSize
  /** Of the fields set by the handler, store only these (and those that the content needs). */
  includeHeaders?: readonly string[]
  /** Of the fields set by the handler, do not store these. */
  excludeHeaders?: readonly string[]
  /** False: this request bypasses the cache. */
  when?: (request: RequestView<Req>) => boolean
  /** @deprecated Use `ttl`. */
  timeout?: Duration
}

/**
 * What those behind this cache are told.
 *
 * @example
 * const downstream: Downstream = { browser: 0, cdn: '1m' }
 */
export type Downstream =
  | string
  | { readonly browser?: Duration | 'no-cache' | 'no-store'; readonly cdn?: Duration | 'no-store' }

/**
 * A policy, or the name of one, or only its ttl, or `false` for no caching.
 *
 * @example
 * const policy: RoutePolicy = { ttl: '5m', tags: ['items'] }
 */
export type RoutePolicy<Req = unknown> = CachePolicy<Req> | Duration | string | false

/**
 * Where messages go: hits and misses at debug, absorbed errors at warn. `console` is one.
 *
 * @example
 * const logger: Logger = console
 */
export type Logger = Pick<Console, 'debug' | 'info' | 'warn' | 'error'>

/**
 * What a cache is made of: the policy for every route, and what belongs to the whole cache.
 *
 * @example
 * const options: CacheOptions = { ttl: '1m', backend: memory({ maxBytes: '50mb' }), logger: console }
 */
export interface CacheOptions<Req = unknown> extends CachePolicy<Req> {
  /** The cache's name in Cache-Status (RFC 9211 §2). Default `'stowage'`. */
  name?: string
  /** Default `memory()`. */
  backend?: CacheBackend
  /** Of one backend call on behalf of a request. Default 250 ms. */
  backendDeadline?: Duration
  /** Keeps caches on one backend apart. Default `'stowage'`. */
  namespace?: string
  /** Entries of another version are not seen. Default `''`. */
  version?: string
  /** Policies by name, for `rules` and routes to refer to. */
  policies?: Readonly<Record<string, CachePolicy<Req>>>
  /**
   * Policies by path, such as `{ '/docs/**': '1h', '/health': false }`: the most specific pattern counts. `*` and `?`
   * stand within a segment, `**` for any number of them.
   */
  rules?: Readonly<Record<string, RoutePolicy<Req>>>
  /** Only these paths are cached, whatever else is said. Default all. */
  includePaths?: readonly string[]
  /** These paths are not cached, whatever else is said. Default none. */
  excludePaths?: readonly string[]
  /** Adds the key to Cache-Status, and lets X-Cache-Key be sent. Keys hold header values. Default false. */
  debug?: boolean
  /** Whether request directives such as no-cache count (RFC 9111 §5.2.1). Default `'rfc'`. */
  clientDirectives?: 'rfc' | 'ignore' | ((request: RequestView<Req>) => boolean)
  /** Names of the status fields, of Cache-Status, X-Cache-Status, X-Cache-Key, X-Cache-Timeout and X-Cache-Backend; false for none. Default `'Cache-Status'`. */
  statusHeader?: StatusHeader | readonly StatusHeader[] | false
  /** Targeted fields obeyed, strongest first (RFC 9213 §2.2). Default `['Stowage-Cache-Control']`. */
  targets?: readonly string[]
  logger?: Logger
  /** Milliseconds since the epoch. Default `Date.now`. */
  clock?: () => number
}

/**
 * A response header field that tells what the cache did (RFC 9211, and the names of older caches).
 *
 * @example
 * const headers: readonly StatusHeader[] = ['Cache-Status', 'X-Cache-Status']
 */
export type StatusHeader =
  | 'Cache-Status'
  | 'X-Cache-Status'
  | 'X-Cache-Key'
  | 'X-Cache-Timeout'
  | 'X-Cache-Backend'
