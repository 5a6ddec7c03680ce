import type { RequestView, ResponseView, TtlOption } from './options.ts'

/** How the query enters the key: by default all of it, or what a list of name patterns keeps or ignores. */
export interface QueryRule {
  readonly use: 'all' | 'none' | 'keep' | 'ignore'
  readonly names: readonly string[]
}

/** Validated key rules with their defaults. */
export interface KeyPolicy<Req = unknown> {
  readonly query: QueryRule
  /** Lower-case, sorted. */
  readonly headers: readonly string[]
  /** Sorted. */
  readonly cookies: readonly string[]
  /** Sorted by name. */
  readonly by: readonly (readonly [name: string, of: (request: RequestView<Req>) => string | undefined])[]
  readonly host: boolean
  readonly body: 'none' | 'bytes' | 'json'
  readonly maxBodyBytes: number
}

/** One validated policy, all layers merged: durations in milliseconds, sizes in bytes, nothing left out. */
export interface Policy<Req = unknown> {
  /** Undefined: only what the response itself declares fresh is stored. */
  readonly ttl: number | false | undefined | ((request: RequestView<Req>, response: ResponseView) => TtlOption | undefined)
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly keep: number
  readonly heuristic: number | false
  readonly etag: boolean
  /** Methods answered from the cache; HEAD is there whenever GET is. */
  readonly methods: ReadonlySet<string>
  /** Milliseconds, or false for never. */
  readonly status: ReadonlyMap<number, number | false>
  readonly key: KeyPolicy<Req>
  readonly scope: 'public' | 'private' | undefined | ((request: RequestView<Req>) => string | undefined)
  readonly tags: readonly string[] | ((request: RequestView<Req>, response: ResponseView) => readonly string[])
  /** Tags of the weaker layers: they unite. */
  readonly inheritedTags: readonly Policy<Req>['tags'][]
  readonly collapse: { readonly wait: number; readonly onTimeout: 'run' | 'stale' | 503 } | false
  readonly maxBodyBytes: number
  /** Lower-case; undefined stores all. */
  readonly includeHeaders: readonly string[] | undefined
  /** Lower-case. */
  readonly excludeHeaders: readonly string[]
  readonly when: ((request: RequestView<Req>) => boolean) | undefined
  /** Equal for two policies exactly where lookups by them find the same entry: key rules, scope, methods, body. */
  readonly lookupId: string
  /** True where a function decides the key (`by`, `scope`) or whether to look (`when`). */
  readonly deferred: boolean
}
