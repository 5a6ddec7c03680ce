import type { CachePolicy, Downstream, KeyRules, TtlOption } from './options.ts'
import { builtIn, type Policy } from './policy.ts'

/** A value for every member, undefined where nothing need be said of it: one that is added cannot be forgotten here. */
type Members<O> = { readonly [Name in keyof Required<O>]: O[Name] | undefined }

const other = <T>(value: T, standard: T): T | undefined => (value === standard ? undefined : value)
const unlessEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length > 0 ? list : undefined)
const seconds = (ms: number): number => ms / 1000
const otherSeconds = (ms: number | undefined, standard?: number): number | undefined =>
  ms === undefined || ms === standard ? undefined : seconds(ms)

/** Undefined where no member has a value. */
const stated = <O>(members: Members<O>): O | undefined => {
  const said = Object.entries(members).filter(([, value]) => value !== undefined)
  return said.length === 0 ? undefined : (Object.fromEntries(said) as O)
}

const ttlOf = ({ ttl }: Policy): CachePolicy['ttl'] => {
  if (typeof ttl === 'function') return (...views) => ttl(...views) as TtlOption
  return typeof ttl === 'number' ? seconds(ttl) : ttl
}

const statusOf = ({ status }: Policy): CachePolicy['status'] => {
  if (status.size === 0) return undefined
  return Object.fromEntries([...status].map(([code, ms]) => [code, ms === false ? ms : seconds(ms)]))
}

const queryOf = ({ key: { query } }: Policy): KeyRules['query'] => {
  if (query.use === 'keep') return query.names
  if (query.use === 'ignore') return { ignore: query.names }
  return other(query.use, 'all')
}

const keyOf = (policy: Policy): KeyRules | undefined => {
  const { headers, cookies, by, host, body, maxBodyBytes } = policy.key
  return stated<KeyRules>({
    query: queryOf(policy),
    headers: unlessEmpty(headers),
    cookies: unlessEmpty(cookies),
    by: by.length > 0 ? Object.fromEntries(by) : undefined,
    host: other(host, builtIn.key.host),
    body: other(body, builtIn.key.body),
    maxBodyBytes: other(maxBodyBytes, builtIn.key.maxBodyBytes),
  })
}

/** As a lifetime in seconds, or a word. */
const sent = (directive: string): number | 'no-cache' | 'no-store' => {
  const [, age] = /^max-age=(\d+)$/.exec(directive) ?? []
  return age === undefined ? (directive as 'no-cache' | 'no-store') : Number(age)
}

const downstreamOf = ({ downstream }: Policy): Downstream | undefined => {
  if (downstream?.cdn === undefined) return downstream?.cacheControl
  return { browser: sent(downstream.cacheControl), cdn: sent(downstream.cdn) as number | 'no-store' }
}

const collapseOf = ({ collapse }: Policy): CachePolicy['collapse'] => {
  const { wait, onTimeout } = builtIn.collapse || { wait: 0, onTimeout: 'run' }
  if (collapse === false || (collapse.wait === wait && collapse.onTimeout === onTimeout))
    return other(collapse !== false, true)
  return { wait: seconds(collapse.wait), onTimeout: collapse.onTimeout }
}

/** Of all layers; what functions would say is not known here. */
const tagsOf = ({ inheritedTags, tags }: Policy): readonly string[] | undefined => {
  const named = [...inheritedTags, tags].flatMap((each) => (typeof each === 'function' ? [] : each))
  return unlessEmpty([...new Set(named)])
}

/**
 * A policy as the options that state it, times in seconds. What is as it is by default is left out, but for
 * `staleIfError` and `methods`, which nobody expects to have been stated.
 */
export const policyAsOptions = (policy: Policy): CachePolicy | false => {
  if (policy.ttl === false) return false
  const options = stated<Omit<CachePolicy, 'timeout'>>({
    ttl: ttlOf(policy),
    precedence: other(policy.precedence, builtIn.precedence),
    downstream: downstreamOf(policy),
    staleWhileRevalidate: otherSeconds(policy.staleWhileRevalidate, builtIn.staleWhileRevalidate),
    staleIfError: seconds(policy.staleIfError),
    keep: otherSeconds(policy.keep, builtIn.keep),
    heuristic: other(policy.heuristic, builtIn.heuristic),
    etag: other(policy.etag, builtIn.etag),
    methods: [...policy.methods] as NonNullable<CachePolicy['methods']>,
    status: statusOf(policy),
    key: keyOf(policy),
    scope: policy.scope,
    tags: tagsOf(policy),
    collapse: collapseOf(policy),
    softTimeout: otherSeconds(policy.softTimeout),
    hardTimeout: otherSeconds(policy.hardTimeout),
    maxBodyBytes: other(policy.maxBodyBytes, builtIn.maxBodyBytes),
    includeHeaders: policy.includeHeaders,
    excludeHeaders: unlessEmpty(policy.excludeHeaders),
    when: policy.when,
  })
  return options ?? {}
}
