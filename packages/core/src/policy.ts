import type { CacheBackend } from './backend.ts'
import { isDeferred, type LookupRules, lookupIdOf } from './lookup-rules.ts'
import type { NamedPolicies } from './named-check.ts'
import { type CheckedOptions, checkOptions, emitWarning, type Warn } from './option-check.ts'
import type { CacheOptions, Logger, RequestView, ResponseView, StatusHeader, TtlOption } from './options.ts'
import { PathRules } from './path-rules.ts'
import type { Collapse, DownstreamFields, PolicyLayer } from './policy-check.ts'

/** One validated policy, all layers merged: durations in milliseconds, sizes in bytes, nothing left out. */
export interface Policy<Req = unknown> extends LookupRules<Req> {
  /** Undefined: only what the response itself declares fresh is stored. */
  readonly ttl:
    | number
    | false
    | undefined
    | ((request: RequestView<Req>, response: ResponseView) => TtlOption | undefined)
  readonly precedence: 'handler' | 'policy'
  /** Undefined: what the handler says. */
  readonly downstream: DownstreamFields | undefined
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly keep: number
  readonly heuristic: number | false
  readonly etag: boolean
  /** Milliseconds, or false for never. */
  readonly status: ReadonlyMap<number, number | false>
  readonly tags:
    | readonly string[]
    | ((request: RequestView<Req>, response: ResponseView) => readonly string[])
  /** Tags of the weaker layers: they unite. */
  readonly inheritedTags: readonly Policy<Req>['tags'][]
  readonly collapse: Collapse | false
  /** Milliseconds; undefined for as long as it takes. */
  readonly softTimeout: number | undefined
  readonly hardTimeout: number | undefined
  readonly maxBodyBytes: number
  /** Lower-case; undefined stores all. */
  readonly includeHeaders: readonly string[] | undefined
  /** Lower-case. */
  readonly excludeHeaders: readonly string[]
  /** Equal for two policies where any lookup by them finds the same entry: methods, key rules, scope, `when`. */
  readonly lookupId: string
  /** True where a function decides the key (`by`, `scope`) or whether to look (`when`). */
  readonly deferred: boolean
}

/** What belongs to the cache and not to a policy, validated and with its defaults. */
export interface Settings<Req = unknown> {
  readonly name: string
  /** Undefined: the cache makes its own. */
  readonly backend: CacheBackend | undefined
  /** Milliseconds. */
  readonly backendDeadline: number
  readonly namespace: string
  readonly version: string
  readonly debug: boolean
  readonly clientDirectives: 'rfc' | 'ignore' | ((request: RequestView<Req>) => boolean)
  /** Without repetitions; empty for none. */
  readonly statusHeaders: readonly StatusHeader[]
  /** Lower-case, strongest first. */
  readonly targets: readonly string[]
  readonly logger: Logger | undefined
  readonly named: NamedPolicies
  /** Undefined where nothing is said by path. */
  readonly paths: PathRules | undefined
  readonly clock: () => number
}

const routeTtl = 300_000

/** What nobody has stated. */
export const builtIn: Policy = {
  ttl: undefined,
  precedence: 'handler',
  downstream: undefined,
  staleWhileRevalidate: 0,
  staleIfError: 60_000,
  keep: 3_600_000,
  heuristic: false,
  etag: true,
  methods: new Set(['GET', 'HEAD']),
  status: new Map(),
  key: {
    query: { use: 'all', names: [] },
    headers: [],
    cookies: [],
    by: [],
    host: true,
    body: 'none',
    maxBodyBytes: 65_536,
  },
  scope: undefined,
  tags: [],
  inheritedTags: [],
  collapse: { wait: 5000, onTimeout: 'run' },
  softTimeout: undefined,
  hardTimeout: undefined,
  maxBodyBytes: 10_485_760,
  includeHeaders: undefined,
  excludeHeaders: [],
  when: undefined,
  lookupId: '',
  deferred: false,
}

/** Tags unite: those of the weaker layers move behind the ones that the stronger layer states. */
const uniteTags = <Req>(
  base: Policy<Req>,
  tags: PolicyLayer['tags'],
): Pick<Policy<Req>, 'tags' | 'inheritedTags'> => {
  const none = Array.isArray(base.tags) && base.tags.length === 0
  if (tags === undefined) return { tags: base.tags, inheritedTags: base.inheritedTags }
  return { tags, inheritedTags: none ? base.inheritedTags : [...base.inheritedTags, base.tags] }
}

const downstreamOf = (layer: PolicyLayer, base: Pick<Policy, 'downstream'>): DownstreamFields | undefined => {
  if (layer.downstream === undefined) return base.downstream
  return layer.downstream === 'handler' ? undefined : layer.downstream
}

/** The stronger layer wins member by member, `key` rule by rule. */
const mergeLayer = <Req>(base: Policy<Req>, layer: PolicyLayer): Policy<Req> => {
  const rules: LookupRules<Req> = {
    methods: layer.methods ?? base.methods,
    key: { ...base.key, ...layer.key },
    scope: layer.scope ?? base.scope,
    when: layer.when ?? base.when,
  }
  return {
    ttl: layer.ttl ?? layer.timeout ?? base.ttl,
    precedence: layer.precedence ?? base.precedence,
    downstream: downstreamOf(layer, base),
    staleWhileRevalidate: layer.staleWhileRevalidate ?? base.staleWhileRevalidate,
    staleIfError: layer.staleIfError ?? base.staleIfError,
    keep: layer.keep ?? base.keep,
    heuristic: layer.heuristic ?? base.heuristic,
    etag: layer.etag ?? base.etag,
    status: layer.status ?? base.status,
    collapse: layer.collapse ?? base.collapse,
    softTimeout: layer.softTimeout ?? base.softTimeout,
    hardTimeout: layer.hardTimeout ?? base.hardTimeout,
    maxBodyBytes: layer.maxBodyBytes ?? base.maxBodyBytes,
    includeHeaders: layer.includeHeaders ?? base.includeHeaders,
    excludeHeaders: layer.excludeHeaders ?? base.excludeHeaders,
    ...uniteTags(base, layer.tags),
    ...rules,
    lookupId: lookupIdOf(rules),
    deferred: isDeferred(rules),
  }
}

const pathsOf = ({ layer, rules }: CheckedOptions): PathRules | undefined => {
  const { includePaths, excludePaths = [] } = layer
  if (rules.length === 0 && includePaths === undefined && excludePaths.length === 0) return undefined
  return new PathRules({ rules, includePaths, excludePaths })
}

const settingsOf = ({ layer, named, ...choices }: CheckedOptions): Settings => ({
  named,
  paths: pathsOf({ layer, named, ...choices }),
  name: layer.name ?? 'stowage',
  backend: layer.backend,
  backendDeadline: layer.backendDeadline ?? 250,
  namespace: layer.namespace ?? 'stowage',
  version: layer.version ?? '',
  debug: layer.debug ?? false,
  clientDirectives: layer.clientDirectives ?? 'rfc',
  statusHeaders: layer.statusHeader ?? ['Cache-Status'],
  targets: layer.targets ?? ['stowage-cache-control'],
  logger: layer.logger,
  clock: layer.clock ?? (() => Date.now()),
})

/**
 * Validates the options of a cache and completes them by the defaults. Throws a `CacheConfigError` with everything
 * that is wrong; `place` opens its messages and those of the warnings.
 */
export const compileOptions = <Req = unknown>(
  options: CacheOptions<Req> | undefined,
  place: string,
  warn: Warn = emitWarning,
): { readonly policy: Policy<Req>; readonly settings: Settings<Req> } => {
  const checked = checkOptions(options, place, warn, builtIn)
  return { policy: mergeLayer<Req>(builtIn, checked.layer), settings: settingsOf(checked) }
}

/** Layers over each other, the weakest first. */
export const mergeLayers = <Req = unknown>(base: Policy<Req>, layers: readonly PolicyLayer[]): Policy<Req> =>
  layers.reduce((policy: Policy<Req>, layer) => mergeLayer(policy, layer), base)

/** Naming a route opts it in: where no layer states a ttl, it is 300 s. */
export const optIn = <Req>(policy: Policy<Req>): Policy<Req> =>
  policy.ttl === undefined ? { ...policy, ttl: routeTtl } : policy
