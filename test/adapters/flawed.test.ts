import {
  type CacheOptions,
  createCache,
  type Decision,
  type Forward,
  isPromise,
  memory,
  type ResponseCache,
} from '@stowage/core'
import { adapterConformance, chaosBackend } from '@stowage/core/testing'
import { cacheMiddleware, type ExpressCache } from '@stowage/express'
import type { Request } from 'express'
import { describe, expect, test } from 'vitest'
import { express5, serveExpress } from './express.ts'

type Cache = ResponseCache<Request>
type Flaw = (decision: Decision, cache: Cache, request: Parameters<Cache['lookup']>[0]) => Decision

/** A forwarded request some of whose members the adapter does not use as it should. */
const withMembers = (forward: Forward, members: Partial<Record<keyof Forward, unknown>>): Forward =>
  new Proxy(forward, {
    get: (target, name) => {
      if (name in members) return members[name as keyof Forward]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  })

/** What of a Forward is not used as it should be, where there is one. */
const misusing =
  (members: (forward: Forward) => Partial<Record<keyof Forward, unknown>>): Flaw =>
  (decision) =>
    decision.action === 'forward' ? withMembers(decision, members(decision)) : decision

const flawed =
  (flaw: Flaw) =>
  (options: CacheOptions<Request>): ExpressCache => {
    const cache = createCache<Request>(options)
    const lookup: Cache['lookup'] = (request, rules) => {
      const decision = cache.lookup(request, rules)
      return isPromise(decision)
        ? decision.then((settled) => flaw(settled, cache, request))
        : flaw(decision, cache, request)
    }
    return cacheMiddleware({ ...cache, lookup })
  }

/** Whether one case of the suite passes with such an adapter, in so many milliseconds. */
const passes = async (title: string, flaw: Flaw, patienceMs: number): Promise<boolean> => {
  const cases = new Map<string, () => Promise<void>>()
  const serve = serveExpress(express5, 'application', flawed(flaw))
  const backend = (clock: () => number) =>
    chaosBackend(memory({ clock }), { latency: 5, only: ['tags.bump'] })
  adapterConformance(serve, { test: (name, run) => cases.set(name, run), backend })
  const run = cases.get(title)
  if (run === undefined) throw new Error(`the suite has no case "${title}"`)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs)
  })
  const passed = run().then(
    () => true,
    () => false,
  )
  return Promise.race([passed, late]).finally(() => clearTimeout(timer))
}

const flaws: readonly (readonly [what: string, flaw: Flaw, title: string])[] = [
  [
    'never looks anything up',
    (_decision, cache, request) => cache.bypass(request),
    'a fresh response is reused, and its age told',
  ],
  [
    'shows the handler the conditions of the client',
    misusing(() => ({ requestEdits: {} })),
    "a handler whose answer is to be stored does not see the client's conditions",
  ],
  [
    'stores what outer layers have set',
    misusing((forward) => ({
      respond: ({ outer: _, ...head }: Parameters<Forward['respond']>[0]) => forward.respond(head),
    })),
    'what outer layers set belongs to the exchange: it is not stored, and not lost on what is reused',
  ],
  [
    'does not wait for an invalidation',
    misusing((forward) => ({
      respond: (head: Parameters<Forward['respond']>[0]) => {
        const { hold: _, ...verdict } = forward.respond(head)
        return verdict
      },
    })),
    'an unsafe request that succeeds invalidates its target, before its answer leaves',
  ],
  [
    'sends what the handler said where a stored response should stand in',
    misusing((forward) => ({
      respond: (head: Parameters<Forward['respond']>[0]) => {
        const { response: _, ...verdict } = forward.respond(head)
        return verdict
      },
    })),
    'a stale response stands in for a handler that fails, and the handler is left in peace for a while',
  ],
  [
    'does not edit the head of a response',
    misusing((forward) => ({
      respond: (head: Parameters<Forward['respond']>[0]) => ({ ...forward.respond(head), edits: {} }),
    })),
    'a targeted field decides in the place of Cache-Control, and one of our own is not sent on',
  ],
  [
    'takes a lost connection for the end of a response',
    misusing((forward) => ({ abort: () => forward.end() })),
    'a client that leaves after a first piece leaves nothing stored',
  ],
  [
    'tells nobody of a lost connection',
    misusing(() => ({ abort: () => undefined })),
    'when the client of the request that others wait for leaves, one of them takes its place',
  ],
  [
    'records every other piece',
    misusing((forward) => {
      let pieces = 0
      return {
        write: (chunk: Buffer) => {
          pieces += 1
          if (pieces % 2 === 1) forward.write(chunk)
        },
      }
    }),
    'a long stream arrives and is stored byte by byte',
  ],
  [
    'makes no refreshes',
    (decision) => {
      if (decision.action === 'forward') return decision
      const { revalidation, ...reuse } = decision
      revalidation?.abort()
      return reuse
    },
    'within stale-while-revalidate the stale response is sent at once and refreshed behind it',
  ],
  [
    "refreshes with a client's own credentials",
    (decision, _cache, { headers }) => {
      if (decision.action === 'forward' || decision.revalidation === undefined) return decision
      const { revalidation } = decision
      const request = { ...revalidation.request, headers: { ...revalidation.request.headers, ...headers } }
      return { ...decision, revalidation: withMembers(revalidation, { request }) }
    },
    'a refresh asks for what is in the key, by the stored validators and for nobody in particular',
  ],
  [
    'gives handlers nothing to talk to the cache with',
    misusing(() => ({ handler: undefined })),
    'skip() keeps a response from being stored',
  ],
  [
    'sends the stored body with everything',
    (decision) =>
      decision.action === 'reuse' && decision.response.body === null
        ? { ...decision, response: { ...decision.response, status: 200, body: Buffer.from('stored') } }
        : decision,
    "the client's conditions are answered from the stored response",
  ],
]

describe('the adapter suite fails an adapter that', () => {
  test.each(flaws)('%s', async (_what, flaw, title) => {
    expect(await passes(title, (decision) => decision, 15_000)).toBe(true)
    expect(await passes(title, flaw, 1500)).toBe(false)
  })
})
