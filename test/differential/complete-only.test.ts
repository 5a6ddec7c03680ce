import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAsking, type Judged, type Question } from './asking.ts'
import { isBroken } from './client.ts'
import { type Comparison, compare } from './comparison.ts'
import { frameworks } from './frameworks.ts'
import { shapesFor } from './shapes.ts'

describe.each(frameworks)('$name', (framework) => {
  let comparison: Comparison
  let ask: (question: Question) => Promise<Judged>

  beforeAll(async () => {
    comparison = await compare(framework, { name: 'no policy', cache: () => ({}) })
    ask = createAsking(comparison)
  })
  afterAll(() => comparison.close())

  /** Every other run breaks off: makes the next run one of those, or one that does not. */
  const makeNext = async (kind: 'broken' | 'whole'): Promise<void> => {
    const isOdd = (comparison.origin.count + 1) % 2 !== 0
    if (isOdd !== (kind === 'broken')) await ask({ target: '/no-store/1' })
  }

  const breaking = shapesFor(framework)
    .filter(({ breaks }) => breaks !== undefined)
    .map(({ name }) => name)

  const conditions: readonly NonNullable<Question['headers']>[] = [
    {},
    { 'if-none-match': '*' },
    { 'if-modified-since': new Date(Date.UTC(2040, 0, 1)).toUTCString() },
    { range: 'bytes=0-3' },
    { 'cache-control': 'no-cache' },
  ]

  describe.each(breaking)('what breaks off (%s)', (name) => {
    test.each(conditions)('is not kept, asked for with %o', async (headers) => {
      const target = `/${name}/with-${Object.keys(headers).join()}`
      await makeNext('broken')
      expect(await ask({ target, headers })).toMatchObject({ reused: false, violations: [] })
      await makeNext('whole')
      const whole = await ask({ target })
      expect(whole).toMatchObject({ reused: false, violations: [] })
      expect(isBroken(whole.outcome)).toBe(false)
      await makeNext('broken')
      expect(await ask({ target })).toMatchObject({ reused: true, run: whole.run, violations: [] })
    })

    test.each(conditions)('leaves what is kept as it was, asked for with %o', async (headers) => {
      const target = `/${name}/kept-with-${Object.keys(headers).join()}`
      await makeNext('whole')
      const whole = await ask({ target })
      comparison.clock.advance(61_000)
      await makeNext('broken')
      expect(await ask({ target, headers })).toMatchObject({ violations: [] })
      await makeNext('whole')
      const later = await ask({ target })
      expect(later).toMatchObject({ violations: [] })
      expect([whole, later].some(({ outcome }) => isBroken(outcome))).toBe(false)
    })

    test('is given to nobody who waited for it', async () => {
      const target = `/${name}/together`
      const judged = await Promise.all(Array.from({ length: 12 }, () => ask({ target })))
      expect(judged.flatMap(({ violations }) => violations)).toEqual([])
      const runs = judged.filter(({ reused }) => reused).map(({ run }) => run)
      expect(runs.filter((run) => (run ?? 1) % 2 !== 0)).toEqual([])
    })
  })
})
