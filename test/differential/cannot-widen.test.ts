import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAsking, type Judged, type Question } from './asking.ts'
import { type Comparison, compare } from './comparison.ts'
import { dimensions, type Value, valuesOf } from './dimensions.ts'
import { frameworks } from './frameworks.ts'
import { createRandom } from './random.ts'

describe.each(frameworks)('$name', (framework) => {
  let comparison: Comparison
  let ask: (question: Question) => Promise<Judged>

  beforeAll(async () => {
    comparison = await compare(framework, { name: 'no policy', cache: () => ({}) })
    ask = createAsking(comparison)
  })
  afterAll(() => comparison.close())

  const second = 1000
  const choice = { random: createRandom(1), now: Date.UTC(2030, 0, 1), tags: ['"v1-13"'], dates: [] }

  /** Every request header field that random requests may have, with every value. */
  const fields: readonly (readonly [field: string, value: Value])[] = dimensions.flatMap((dimension) =>
    valuesOf(dimension, choice).map((value) => [dimension.field, value] as const),
  )

  /** A stored response, and a request that it must not be given to. */
  interface Situation {
    readonly name: string
    readonly shape: string
    readonly stored?: Omit<Question, 'target'>
    readonly asked?: Omit<Question, 'target'>
    readonly query?: readonly [stored: string, asked: string]
    /** What happens in between. */
    readonly meanwhile?: () => Promise<void> | void
  }

  const invalidateAll = async (): Promise<void> => {
    const change = comparison.origin.change(['all'])
    await comparison.app.cache?.invalidate({ all: true })
    comparison.origin.settle(change)
  }

  const situations: readonly Situation[] = [
    { name: 'is stale', shape: 'max-age', meanwhile: () => comparison.clock.advance(81 * second) },
    {
      name: 'is stale and may never be given so',
      shape: 'shared-max-age',
      meanwhile: () => comparison.clock.advance(21 * second),
    },
    { name: 'is to be validated each time', shape: 'no-cache-fresh' },
    { name: 'is private', shape: 'private' },
    { name: 'is not to be stored', shape: 'no-store-fresh' },
    { name: 'varies by everything', shape: 'by-star-0' },
    { name: 'was invalidated', shape: 'text', meanwhile: invalidateAll },
    {
      name: 'is another variant',
      shape: 'by-tenant',
      stored: { headers: { 'x-tenant': 'red' } },
      asked: { headers: { 'x-tenant': 'blue' } },
    },
    { name: 'is of another host', shape: 'text', asked: { headers: { host: 'b.test' } } },
    { name: 'has another query', shape: 'text', query: ['?a=1', '?a=2'] },
    {
      name: 'is for requests without credentials',
      shape: 'text',
      asked: { headers: { cookie: 'sid=alice' } },
    },
    {
      name: 'was made for a request with credentials',
      shape: 'text',
      stored: { headers: { authorization: 'Bearer token-alice' } },
    },
    { name: 'is of another method', shape: 'item', asked: { method: 'POST', body: '{"set":1}' } },
  ]

  describe('no request header field makes usable what', () => {
    test.each(situations)('$name', { timeout: 60_000 }, async (situation) => {
      const { name, shape, stored, asked, query = ['', ''], meanwhile } = situation
      const targets = fields.map((_, index) => `/${shape}/${encodeURIComponent(name)}-${index}`)
      for (const target of targets) await ask({ ...stored, target: target + query[0] })
      await meanwhile?.()
      const wrong: unknown[] = []
      for (const [index, [field, value]] of fields.entries()) {
        if (asked?.headers?.[field] !== undefined) continue
        const headers = { ...asked?.headers, [field]: value }
        const { reused, violations } = await ask({ ...asked, headers, target: targets[index] + query[1] })
        if (reused || violations.length > 0) wrong.push({ field, value, reused, violations })
      }
      expect(wrong).toEqual([])
    })
  })

  describe('no request without credentials changes', () => {
    test('what is stored, by any header field', { timeout: 60_000 }, async () => {
      const changed: unknown[] = []
      for (const [index, [field, value]] of fields.entries()) {
        const target = `/text/kept-${index}`
        await ask({ target })
        await ask({ target, headers: { [field]: value } })
        await ask({ target, method: 'HEAD', headers: { [field]: value } })
        const { reused, violations } = await ask({ target })
        if (!reused || violations.length > 0) changed.push({ field, value, violations })
      }
      expect(changed).toEqual([])
    })

    test.each(['PURGE', 'DELETE', 'PUT', 'POST', 'PATCH', 'REPORT', 'OPTIONS', 'TRACE', 'PROPFIND'])(
      'what is stored, by %s for what has no such method',
      async (method) => {
        const target = `/text/kept-from-${method}`
        expect(await ask({ target })).toMatchObject({ reused: false, violations: [] })
        expect(await ask({ target, method })).toMatchObject({ reused: false, violations: [] })
        expect(await ask({ target })).toMatchObject({ reused: true, violations: [] })
      },
    )
  })

  describe('max-stale reaches', () => {
    const fresh = 20
    const window = 60

    test.each([
      { shape: 'max-age', maxStale: 'max-stale', over: 0, reused: true },
      { shape: 'max-age', maxStale: 'max-stale', over: window, reused: true },
      { shape: 'max-age', maxStale: 'max-stale', over: window + 1, reused: false },
      { shape: 'max-age', maxStale: 'max-stale=999999', over: window + 1, reused: false },
      { shape: 'max-age', maxStale: 'max-stale=10', over: 10, reused: true },
      { shape: 'max-age', maxStale: 'max-stale=10', over: 11, reused: false },
      { shape: 'max-age', maxStale: 'max-stale=-1', over: 1, reused: false },
      { shape: 'max-age', maxStale: 'max-stale="ten"', over: 1, reused: false },
      { shape: 'max-age', maxStale: 'max-stale, max-age=5', over: 1, reused: false },
      { shape: 'max-age', maxStale: 'max-stale, no-cache', over: 1, reused: false },
      { shape: 'shared-max-age', maxStale: 'max-stale', over: 1, reused: false },
      { shape: 'both-ages', maxStale: 'max-stale', over: 11, reused: false },
    ])('no further than the window for errors: $maxStale, $over s stale, $shape', async (row) => {
      const target = `/${row.shape}/${encodeURIComponent(row.maxStale)}-${row.over}`
      const headers = { 'cache-control': row.maxStale }
      await ask({ target })
      comparison.clock.advance((fresh + row.over) * second)
      expect(await ask({ target, headers })).toMatchObject({ reused: row.reused, violations: [] })
    })
  })
})
