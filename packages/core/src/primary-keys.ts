import { type Key, type KeyInputs, methodClass, primaryKey } from './key.ts'
import type { KeyPolicy } from './lookup-rules.ts'
import type { Policy } from './policy.ts'
import type { CacheRequest } from './view.ts'

/** A key, and all that it was made of beside the target. */
interface Remembered {
  readonly key: Key
  readonly rules: KeyPolicy
  readonly method: string
  readonly scheme: string
  readonly authority: string
}

/** Clients can ask for any target, so that both the number and the length of those remembered are limited. */
const mostRemembered = 2000
const longestRemembered = 1024

/** Whether nothing but method, host and target tells a request from others. */
const isPlain = ({ rewritten, forwarded }: CacheRequest, rules: KeyPolicy, inputs: KeyInputs): boolean =>
  rewritten === undefined &&
  forwarded === undefined &&
  inputs.scope === undefined &&
  inputs.bodyDigest === undefined &&
  rules.headers.length === 0 &&
  rules.cookies.length === 0 &&
  rules.by.length === 0

const isFor = (known: Remembered, request: CacheRequest, rules: KeyPolicy): boolean =>
  known.rules === rules &&
  known.method === methodClass(request.method) &&
  known.authority === request.authority &&
  known.scheme === request.scheme

/**
 * The primary keys of one cache. Most requests ask for what was asked for a moment ago: to make their key, and to find
 * an entry by text that is equal but not the same, would be most of what a hit costs.
 */
export class PrimaryKeys {
  readonly #prefix: string
  readonly #known = new Map<string, Remembered>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  of(request: CacheRequest, policy: Policy, inputs: KeyInputs): Key {
    const rules = policy.key
    if (!isPlain(request, rules, inputs)) return primaryKey(this.#prefix, request, policy, inputs)
    const known = this.#known.get(request.url)
    if (known !== undefined && isFor(known, request, rules)) return known.key
    const key = primaryKey(this.#prefix, request, policy, inputs)
    this.#remember(key, request, rules)
    return key
  }

  #remember(key: Key, { url, method, scheme, authority }: CacheRequest, rules: KeyPolicy): void {
    // The key need not have all of the target in it, nor the host.
    if (url.length + authority.length + key.full.length > longestRemembered) return
    if (this.#known.size >= mostRemembered) this.#known.clear()
    this.#known.set(url, { key, rules, method: methodClass(method), scheme, authority })
  }
}
