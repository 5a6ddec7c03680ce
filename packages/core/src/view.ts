import type { FieldMap, MaybePromise, ResponseHead } from './message.ts'
import type { RequestView, ResponseView } from './options.ts'
import { fieldLines, fieldValue } from './semantics/fields.ts'
import { trimOws } from './semantics/whitespace.ts'

/**
 * A request body for the key: the bytes, or what a body parser in front of the cache made of them.
 *
 * @example
 * const body: RequestBody = { bytes: Buffer.from('{"q":1}') }
 */
export type RequestBody = { readonly bytes: Buffer } | { readonly parsed: unknown }

/**
 * A request as an adapter hands it to `cache.lookup`: read once, never changed by the cache.
 *
 * @example
 * const request: CacheRequest = {
 *   method: 'GET', url: '/items?page=2', authority: 'shop.example', scheme: 'https', headers: {}, raw: undefined,
 * }
 */
export interface CacheRequest<Req = unknown> {
  readonly method: string
  /** The request target as received: path and query. */
  readonly url: string
  /**
   * The target that the handler sees, where middleware has made it another than `url`: a part of the key, for what it was
   * made of is not known. Left out where the two differ only by where an application is mounted.
   */
  readonly rewritten?: string | undefined
  /** Host and port, as the framework resolves them. */
  readonly authority: string
  readonly scheme: string
  readonly headers: FieldMap
  /**
   * Fields that name another host or scheme, such as `X-Forwarded-Host`, where the adapter cannot know whether the
   * application behind it believes them: parts of the key. Left out where there are none, or `authority` and `scheme`
   * are what they come to.
   */
  readonly forwarded?: FieldMap | undefined
  /** The framework's own request, for policy functions. */
  readonly raw: Req
  /** The pattern of the route, where it is known. */
  readonly route?: string
  /** Reads the body for the key and leaves it readable; undefined where it is larger than `limit` or gone. */
  body?(limit: number): MaybePromise<RequestBody | undefined>
}

/** Splits a request target at its first question mark; the query is undefined where there is none. */
export const splitTarget = (url: string): { readonly path: string; readonly query: string | undefined } => {
  const at = url.indexOf('?')
  return at < 0 ? { path: url, query: undefined } : { path: url.slice(0, at), query: url.slice(at + 1) }
}

/** Every value of a cookie name, in order: which of several a parser takes is not for the cache to guess. */
export const cookieValues = (headers: FieldMap, name: string): readonly string[] => {
  const values: string[] = []
  for (const line of fieldLines(headers, 'cookie'))
    for (const pair of line.split(';')) {
      const at = pair.indexOf('=')
      if (at >= 0 && trimOws(pair, 0, at) === name) values.push(trimOws(pair, at + 1))
    }
  return values
}

const absoluteUrl = (request: CacheRequest): URL => {
  const origin = `${request.scheme}://${request.authority || 'localhost'}`
  // The path is appended, not resolved: "//evil.example/" must stay a path.
  if (URL.canParse(origin + request.url)) return new URL(origin + request.url)
  // A host that makes no URL; where the target makes none either, this throws.
  return new URL(`http://invalid.invalid${request.url}`)
}

/**
 * What policy functions see of a request; the URL is parsed when it is first read. A class, for V8 gives each literal with
 * an accessor a hidden class of its own, which holds on to what the accessor knows until the next full collection.
 */
class View<Req> implements RequestView<Req> {
  readonly method: string
  readonly route: string | undefined
  readonly raw: Req
  readonly #request: CacheRequest<Req>
  #url: URL | undefined

  constructor(request: CacheRequest<Req>) {
    this.method = request.method
    this.route = request.route
    this.raw = request.raw
    this.#request = request
  }

  get url(): URL {
    this.#url ??= absoluteUrl(this.#request)
    return this.#url
  }

  // Functions of each view, not methods, so that a policy function may take them off it.
  readonly header = (name: string): string | undefined =>
    fieldValue(this.#request.headers, name.toLowerCase())

  readonly cookie = (name: string): string | undefined => {
    const values = cookieValues(this.#request.headers, name)
    // Which of several a parser takes is unknown: together they are like no single one.
    return values.length > 1 ? values.join('; ') : values[0]
  }

  readonly query = (name: string): string | readonly string[] | undefined => {
    const values = this.url.searchParams.getAll(name)
    return values.length > 1 ? values : values[0]
  }
}

export const createView = <Req>(request: CacheRequest<Req>): RequestView<Req> => new View(request)

/** What policy functions see of a response head. */
export const createResponseView = (head: ResponseHead, durationMs: number): ResponseView => ({
  status: head.status,
  header: (name) => fieldValue(head.headers, name.toLowerCase()),
  durationMs,
})
