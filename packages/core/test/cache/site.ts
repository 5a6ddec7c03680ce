import {
  type CacheOptions,
  type CacheRequest,
  createCache,
  type Decision,
  type FieldMap,
  type Forward,
  type ForwardedHead,
  memory,
  type ResponseCache,
  type RouteRules,
  type SelectedResponse,
} from '@stowage/core'
import { type FakeClock, fakeClock } from '@stowage/core/testing'

/** What a handler answers. */
export interface Answer {
  readonly status?: number
  readonly headers?: FieldMap
  readonly body?: string | Buffer
  /** Fields that were set in front of the cache. */
  readonly outer?: FieldMap
  readonly route?: string
}

/** What a handler sees of one run. */
export interface Run {
  /** From 1. */
  readonly number: number
  readonly headers: FieldMap
  readonly request: CacheRequest
  readonly forward: Forward
}

export type Handler = (run: Run) => Answer | Promise<Answer>

/** What a client gets. */
export interface Served {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Null where there is none. */
  readonly body: string | null
  /** The whole of Cache-Status. */
  readonly how: string
}

/** A site: a cache in front of a handler, and what a server does between the two. */
export interface Site {
  readonly cache: ResponseCache
  readonly clock: FakeClock
  readonly runs: readonly Run[]
  /** Replaced to let the handler answer otherwise. */
  handler: Handler
  get(url: string, headers?: FieldMap, request?: Partial<CacheRequest>): Promise<Served>
  /** Only the cache's decision: the rest is the test's to do. */
  decide(url: string, headers?: FieldMap, request?: Partial<CacheRequest>): Promise<Decision>
  /** Does what a server does with a decision. */
  carry(decision: Decision): Promise<Served>
  /** Until nothing is under way in the background. */
  settled(): Promise<void>
}

export const requestOf = (
  url: string,
  headers: FieldMap = {},
  more: Partial<CacheRequest> = {},
): CacheRequest => ({
  method: 'GET',
  url,
  authority: 'a.example',
  scheme: 'http',
  headers,
  raw: undefined,
  ...more,
})

const merged = (...maps: readonly FieldMap[]): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (const map of maps)
    for (const [name, value] of Object.entries(map)) {
      if (value === undefined || (value.length === 0 && typeof value !== 'string')) delete headers[name]
      else headers[name] = typeof value === 'string' ? value : value.join(', ')
    }
  return headers
}

export const servedOf = ({ status, headers, added, body }: SelectedResponse): Served => {
  const all = merged(headers, added)
  return {
    status,
    headers: all,
    body: body === null ? null : body.toString('latin1'),
    how: all['cache-status'] ?? '',
  }
}

/** The open forwarded request that a decision is; fails where it is none. */
export const forwardOf = (decision: Decision): Forward => {
  if (decision.action !== 'forward') throw new Error(`reused: ${servedOf(decision.response).how}`)
  return decision
}

/** Reports a whole response to a Forward, and says what the client gets. */
export const respond = async (
  forward: Forward,
  answer: Answer,
  onStored?: (stored: unknown) => void,
): Promise<Served> => {
  const body = Buffer.from(answer.body ?? '')
  const head: ForwardedHead = {
    status: answer.status ?? 200,
    headers: { ...answer.outer, ...answer.headers },
    body,
    ...(answer.outer === undefined ? {} : { outer: answer.outer }),
    ...(answer.route === undefined ? {} : { route: answer.route }),
  }
  const verdict = forward.respond(head)
  const sent = forward.request.method === 'HEAD' ? Buffer.alloc(0) : body
  if (verdict.record && sent.length > 0) forward.write(sent)
  const stored = forward.end()
  if (onStored === undefined) await stored
  else onStored(stored)
  await verdict.hold
  if (verdict.response !== undefined) return servedOf(verdict.response)
  return servedOf({ status: head.status, headers: head.headers, added: verdict.edits, body: sent })
}

/** Asks a cache once: whether it was a hit, else what the handler makes of it. */
export const askOnce = async (
  cache: ResponseCache,
  url: string,
  handler: () => string | Promise<string> = () => 'body',
): Promise<'hit' | 'miss'> => {
  const decision = await cache.lookup(requestOf(url))
  if (decision.action === 'reuse') return 'hit'
  await respond(decision, { body: await handler() })
  return 'miss'
}

/** A site on `options` (default: a ttl of a minute), its memory and its cache on one clock. */
export const createSite = (
  options: CacheOptions = { ttl: 60 },
  handler: Handler = () => ({ body: 'hello' }),
  rules?: (cache: ResponseCache) => RouteRules,
): Site => {
  const clock = fakeClock()
  const cache = createCache({ clock, backend: memory({ clock }), ...options })
  const route = rules?.(cache)
  const runs: Run[] = []
  const background = new Set<Promise<unknown>>()
  const track = (work: unknown): void => {
    const done = Promise.resolve(work).finally(() => background.delete(done))
    background.add(done)
  }
  const run = async (forward: Forward): Promise<Served> => {
    let notModified = false
    forward.onNotModified = () => {
      notModified = true
    }
    const headers = merged(forward.request.headers, forward.requestEdits as FieldMap)
    for (const [name, value] of Object.entries(forward.requestEdits))
      if (value === undefined) delete headers[name]
    const seen: Run = { number: runs.length + 1, headers, request: forward.request, forward }
    runs.push(seen)
    const answer = await site.handler(seen)
    return respond(forward, notModified ? { ...answer, status: 304, body: '' } : answer, track)
  }
  const refined = async (decision: Decision): Promise<Decision> =>
    decision.action === 'reuse' || route === undefined ? decision : cache.refine(decision, route)
  const site: Site = {
    cache,
    clock,
    runs,
    handler,
    decide: async (url, headers = {}, more = {}) => cache.lookup(requestOf(url, headers, more)),
    get: async (url, headers = {}, more = {}) => site.carry(await site.decide(url, headers, more)),
    carry: async (made) => {
      const decision = await refined(made)
      if (decision.action === 'forward') return run(decision)
      if (decision.revalidation !== undefined) {
        const again = decision.revalidation
        track(refined(again).then(() => run(again)))
      }
      return servedOf(decision.response)
    },
    settled: async () => {
      while (background.size > 0) await Promise.all(background)
    },
  }
  return site
}
