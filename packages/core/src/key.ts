import { isUtf8 } from 'node:buffer'
import { hash } from './builtin.ts'
import { canonicalJson, canonicalJsonText } from './canonical-json.ts'
import { copied } from './copied.ts'
import { isCredentialField } from './credentials.ts'
import { sha256 } from './digest.ts'
import type { QueryRule } from './key-check.ts'
import { keyedQuery } from './keyed-query.ts'
import type { KeyPolicy } from './lookup-rules.ts'
import type { FieldMap } from './message.ts'
import type { Policy } from './policy.ts'
import { fieldValue } from './semantics/fields.ts'
import { normaliseSelecting } from './semantics/vary.ts'
import { type CacheRequest, cookieValues, type RequestBody, splitTarget } from './view.ts'
import { type Asked, askBy } from './who-asks.ts'

/** What a request is stored under: `id` in the backend, `full` inside the entry, where it is verified. */
export interface Key {
  /** At most `longestId` characters; readable where the full key is short enough. */
  readonly id: string
  /** Every part behind its length: two requests have the same one if and only if all their parts are equal. */
  readonly full: string
}

/** A backend key longer than this is cut and completed by a digest of the whole. */
const longestId = 1024
const shownOfLongId = 900

/** A part of the key: the length in front makes crafted separators harmless. */
const part = (label: string, value: string | undefined): string =>
  value === undefined ? ` ${label}-` : ` ${label}${value.length}:${value}`

/** A part that has a name of its own, which somebody chose. */
const namedPart = (label: string, name: string, value: string | undefined): string =>
  part(label, name) + part('=', value)

/**
 * A session or a user tells entries apart and must not be readable in a store or a log. Digested as UTF-16, for in
 * UTF-8 all surrogates that stand alone are one.
 */
const secret = (value: string): string => hash('sha256', Buffer.from(value, 'utf16le'), 'hex').slice(0, 32)

const fieldPart = (label: string, name: string, value: string | undefined): string =>
  namedPart(label, name, value !== undefined && isCredentialField(name) ? secret(value) : value)

/** Shortens what is too long for a backend key; the digest covers all of it. */
export const keyOf = (full: string): Key => ({
  full,
  id: full.length <= longestId ? full : copied(`${full.slice(0, shownOfLongId)} #${sha256(full)}`),
})

/** What stands for the body in the key; undefined where the body cannot be told apart from others. */
export const bodyDigest = (body: RequestBody, kind: KeyPolicy['body']): string | undefined => {
  if ('parsed' in body) {
    // What a parser made is not what was sent, byte by byte.
    if (kind === 'bytes') return undefined
    const text = canonicalJson(body.parsed)
    return text === undefined ? undefined : `j${sha256(text)}`
  }
  const canonical =
    kind === 'json' && isUtf8(body.bytes) ? canonicalJsonText(body.bytes.toString('utf8')) : undefined
  return canonical === undefined ? `b${sha256(body.bytes)}` : `j${sha256(canonical)}`
}

const bodyParts = (request: CacheRequest, digest: string | undefined): string =>
  digest === undefined
    ? ''
    : part('b', digest) +
      part('t', fieldValue(request.headers, 'content-type')) +
      part('e', fieldValue(request.headers, 'content-encoding'))

const selectedParts = (request: CacheRequest, rules: KeyPolicy, by: Asked['by']): string => {
  let parts = ''
  for (const name of rules.headers)
    parts += fieldPart('h', name, normaliseSelecting(name, fieldValue(request.headers, name)))
  for (const name of rules.cookies) {
    const values = cookieValues(request.headers, name)
    // One digest for all of them: a client may send thousands.
    const all = values.map((value) => part('v', value)).join('')
    parts += namedPart('c', name, values.length === 0 ? undefined : secret(all))
  }
  for (const [at, [name]] of rules.by.entries()) parts += namedPart('x', name, by[at])
  return parts
}

const forwardedParts = (forwarded: FieldMap): string =>
  Object.keys(forwarded)
    .sort()
    .map((name) => fieldPart('f', name, fieldValue(forwarded, name)))
    .join('')

/** GET and HEAD share their entries: HEAD is answered from a stored GET (RFC 9110 §9.3.2). */
export const methodClass = (method: string): string => (method === 'HEAD' ? 'GET' : method)

/** Where a cache's keys begin: what keeps caches and deployments on one backend apart. */
export const keyPrefix = (namespace: string, version: string): string =>
  part('n', namespace).slice(1) + part('v', version)

/** What else a request is keyed by: what its body is, and what the functions of the policy say of it. */
export interface KeyInputs extends Partial<Asked> {
  readonly bodyDigest?: string | undefined
}

const targetParts = (url: string, rule: QueryRule, label: string): string => {
  const { path, query } = splitTarget(url)
  return part(label, path) + part('q', keyedQuery(query, rule))
}

/** The primary key (RFC 9111 §2). The path stays as received: a framework routes `/%61` and `/a` differently. */
export const primaryKey = (
  prefix: string,
  request: CacheRequest,
  policy: Policy,
  inputs: KeyInputs = {},
): Key => {
  const rules = policy.key
  let full = prefix + part('m', methodClass(request.method))
  if (rules.host) full += part('s', request.scheme) + part('a', request.authority)
  if (rules.host && request.forwarded !== undefined) full += forwardedParts(request.forwarded)
  full += targetParts(request.url, rules.query, 'p')
  if (request.rewritten !== undefined) full += targetParts(request.rewritten, rules.query, 'w')
  if (inputs.scope !== undefined) full += part('u', secret(inputs.scope))
  full +=
    selectedParts(request, rules, inputs.by ?? askBy(request, policy)) + bodyParts(request, inputs.bodyDigest)
  // Of a long URL there may be only a short path in it.
  return keyOf(request.url.length > longestId ? copied(full) : full)
}

/** The key of one variant: the primary key, the fields that `Vary` nominated, and their values (RFC 9111 §4.1). */
export const variantKey = (
  primary: Key,
  fields: readonly string[],
  values: readonly (string | undefined)[],
): Key => {
  let full = `${primary.full} |`
  for (const [index, name] of fields.entries()) full += fieldPart('y', name, values[index])
  return keyOf(full)
}
