import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAsking, type Judged, type Question, readingMethod } from './asking.ts'
import { type Answer, fieldOf, isBroken } from './client.ts'
import { type Comparison, compare } from './comparison.ts'
import { isForOne, windowsOf } from './expectation.ts'
import { frameworks } from './frameworks.ts'
import type { Run } from './origin.ts'
import type { Shape } from './shape.ts'
import { shapesFor } from './shapes.ts'

const second = 1000

const subjects: readonly { readonly name: string; readonly setup: { readonly ttl?: number } }[] = [
  { name: 'without a policy', setup: {} },
  { name: 'with a policy for everything', setup: { ttl: 30 } },
]

/** Whether the same request, asked at once, is to be answered from the cache. */
const isKept = (shape: Shape, run: Run, setup: { readonly ttl?: number }): boolean => {
  const ends = shape.breaks?.(run) !== true && shape.fails?.(run) !== true
  return ends && !isForOne(shape, run) && windowsOf(shape, { cache: setup }).fresh > (shape.age ?? 0)
}

const conditionsOn = (answer: Answer): readonly Question['headers'][] => {
  const tag = fieldOf(answer, 'etag')
  const modified = fieldOf(answer, 'last-modified')
  return [
    ...(tag === undefined ? [] : [{ 'if-none-match': tag }, { 'if-none-match': `"other", ${tag}` }]),
    ...(modified === undefined ? [] : [{ 'if-modified-since': modified }]),
    ...(tag === undefined ? [] : [{ 'if-range': tag, range: 'bytes=2-5' }]),
    { 'if-none-match': '"another"' },
    { range: 'bytes=1-3' },
    { range: 'bytes=-4' },
    { range: 'bytes=0-0,2-2' },
    { range: 'bytes=99999999-' },
  ]
}

const cases = frameworks.flatMap((framework) =>
  subjects.map((subject) => ({ ...subject, framework, of: framework.name })),
)

describe.each(cases)('$name, an answer of $of', ({ name, setup, framework }) => {
  let comparison: Comparison
  let ask: (question: Question) => Promise<Judged>

  beforeAll(async () => {
    comparison = await compare(framework, { name, cache: () => setup })
    ask = createAsking(comparison)
  })
  afterAll(() => comparison.close())

  const shapes = shapesFor(framework).flatMap((shape) => {
    const method = readingMethod(shape)
    return method === undefined ? [] : [{ name: shape.name, shape, method }]
  })

  test.each(shapes)('is the same from the cache as without one: $name', async ({ shape, method }) => {
    const body = shape.bodies?.find((each) => each !== '' && method !== 'GET')
    const question: Question = {
      target: `/${shape.name}/1`,
      method,
      headers: shape.typical ?? {},
      ...(body === undefined ? {} : { body }),
    }
    // Twice: some handlers answer otherwise every other time.
    for (const round of [1, 2]) {
      const first = await ask(question)
      expect(first).toMatchObject({ violations: [], reused: false })
      const run = comparison.origin.run(first.run ?? comparison.origin.count)
      const again = await ask(question)
      const kept = run !== undefined && isKept(shape, run, setup)
      expect(again).toMatchObject({ violations: [], reused: kept })
      if (method === 'GET' && round === 1) await askOtherwise(question, first)
      comparison.clock.advance(7200 * second)
      expect(await ask(question)).toMatchObject({ violations: [], reused: false })
      comparison.clock.advance(7200 * second)
    }
  })

  const askOtherwise = async (question: Question, first: Judged): Promise<void> => {
    expect(await ask({ ...question, method: 'HEAD' })).toMatchObject({ violations: [] })
    if (isBroken(first.outcome)) return
    for (const headers of conditionsOn(first.outcome))
      expect(await ask({ ...question, headers: { ...question.headers, ...headers } })).toMatchObject({
        violations: [],
      })
  }

  test.each(
    ['sized', 'sized-text'].flatMap((name) =>
      [0, 1, 2, 4096, 65_536, 1_048_577, 10_485_760].map((size) => ({ name, size })),
    ),
  )('is the same from the cache with $size bytes ($name)', async ({ name, size }) => {
    const question = { target: `/${name}/${size}` }
    expect(await ask(question)).toMatchObject({ violations: [], reused: false })
    const again = await ask(question)
    expect(again).toMatchObject({ violations: [], reused: true })
    expect(isBroken(again.outcome) ? undefined : again.outcome.body.length).toBe(size)
  })

  test('is not kept where it has more than 10 MB', async () => {
    const question = { target: '/sized/10485761' }
    expect(await ask(question)).toMatchObject({ violations: [], reused: false })
    expect(await ask(question)).toMatchObject({ violations: [], reused: false })
  })
})
