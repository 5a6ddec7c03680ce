import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestDirectives, ResponseDirectives } from '../../src/semantics/cache-control.ts'
import { mayReuse, mayUseStaleIfError, type ReuseFacts, staleness } from '../../src/semantics/reuse.ts'

const seconds = fc.integer({ min: 0, max: 40 })
const flag = fc.constantFrom(undefined, true as const)

/** Members that are undefined are left out, as the types ask. */
const compact = <T extends object>(members: { [K in keyof T]?: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T

const responseArbitrary: fc.Arbitrary<ResponseDirectives> = fc
  .record({
    noCache: fc.constantFrom(undefined, true as const, ['a']),
    mustRevalidate: flag,
    proxyRevalidate: flag,
    sMaxage: fc.option(seconds, { nil: undefined, freq: 4 }),
    public: flag,
  })
  .map((members) => compact<ResponseDirectives>(members))

const requestArbitrary: fc.Arbitrary<RequestDirectives> = fc
  .record({
    noCache: fc.option(fc.constant(true as const), { nil: undefined, freq: 5 }),
    maxAge: fc.option(seconds, { nil: undefined }),
    minFresh: fc.option(seconds, { nil: undefined }),
    maxStale: fc.constantFrom(undefined, 0, 5, 30, Number.POSITIVE_INFINITY),
    staleIfError: fc.option(seconds, { nil: undefined }),
  })
  .map((members) => compact<RequestDirectives>(members))

const factsArbitrary: fc.Arbitrary<ReuseFacts> = fc.record({
  directives: responseArbitrary,
  lifetime: seconds.map((s) => s * 1000),
  age: fc.integer({ min: 0, max: 80_000 }),
  staleWhileRevalidate: seconds.map((s) => s * 1000),
  staleIfError: seconds.map((s) => s * 1000),
  invalidatedFor: fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined, freq: 3 }),
})

const runs = { numRuns: 5000 }

/** How much less may be done with a response: never back up as time goes by. */
const rank = { fresh: 0, stale: 1, refresh: 1, validate: 2 } as const

const later = (facts: ReuseFacts, ms: number): ReuseFacts => ({
  ...facts,
  age: facts.age + ms,
  invalidatedFor: facts.invalidatedFor === undefined ? undefined : facts.invalidatedFor + ms,
})

describe('for any stored response and request', () => {
  test('what may not be reused now may not be reused later', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, fc.nat(100_000), (facts, request, ms) => {
        const now = mayReuse(facts, request).use
        expect(rank[mayReuse(later(facts, ms), request).use]).toBeGreaterThanOrEqual(rank[now])
        const standsIn = mayUseStaleIfError(facts, 200, request)
        expect(!standsIn && mayUseStaleIfError(later(facts, ms), 200, request)).toBe(false)
      }),
      runs,
    )
  })

  test('nothing is reused past its lifetime and its windows, nor fresh past its lifetime', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, (facts, request) => {
        const { use } = mayReuse(facts, request)
        const past = facts.age - facts.lifetime
        if (use === 'fresh') expect(past).toBeLessThan(0)
        if (use === 'refresh') expect(past).toBeLessThanOrEqual(facts.staleWhileRevalidate)
        if (use === 'stale') expect(past).toBeLessThanOrEqual(facts.staleIfError)
        if (mayUseStaleIfError(facts, 200, request)) expect(past).toBeLessThanOrEqual(facts.staleIfError)
      }),
      runs,
    )
  })

  test('no-cache, of the response or of the request, is never reused', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, (facts, request) => {
        const unqualified = { ...facts, directives: { ...facts.directives, noCache: true as const } }
        expect(mayReuse(unqualified, request).use).toBe('validate')
        expect(mayReuse(facts, { ...request, noCache: true }).use).toBe('validate')
        expect(mayUseStaleIfError(unqualified, 200, request)).toBe(false)
      }),
      runs,
    )
  })

  test('nothing that is stale is reused where the response forbids it', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, (facts, request) => {
        const strict = { ...facts, directives: { ...facts.directives, mustRevalidate: true as const } }
        expect(['fresh', 'validate']).toContain(mayReuse(strict, request).use)
      }),
      runs,
    )
  })

  test('nothing that was invalidated counts as fresh', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, fc.nat(60_000), (facts, request, invalidatedFor) => {
        const invalidated = { ...facts, invalidatedFor }
        expect(mayReuse(invalidated, request).use).not.toBe('fresh')
        expect(staleness(invalidated)).toBeGreaterThanOrEqual(invalidatedFor)
      }),
      runs,
    )
  })

  test('a request can narrow what may be reused; it widens it only by max-stale, within the error window', () => {
    fc.assert(
      fc.property(factsArbitrary, requestArbitrary, (facts, request) => {
        const asked = mayReuse(facts, request).use
        const unasked = mayReuse(facts, {}).use
        if (rank[asked] >= rank[unasked]) return
        expect(request.maxStale).toBeDefined()
        expect(asked).toBe('stale')
        expect(staleness(facts)).toBeLessThanOrEqual(facts.staleIfError)
      }),
      runs,
    )
  })
})
