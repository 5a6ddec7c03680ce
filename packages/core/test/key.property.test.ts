import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyPrefix, primaryKey, variantKey } from '../src/key.ts'
import { keyedQuery } from '../src/keyed-query.ts'
import { compileOptions } from '../src/policy.ts'
import { normaliseSelecting } from '../src/semantics/vary.ts'
import { createRandom, pick } from './random.ts'

/** Every part of a key by itself. */
interface Parts {
  readonly namespace: string
  readonly version: string
  readonly method: string
  readonly scheme: string
  readonly authority: string
  readonly path: string
  readonly query: readonly string[] | undefined
  readonly header: string | undefined
  readonly cookies: readonly string[]
  readonly by: string | undefined
  readonly scope: string | undefined
  readonly digest: string | undefined
  readonly type: string | undefined
  readonly vary: readonly (string | undefined)[]
}

/** The characters that keys are built with, so that text looks like parts. */
const alphabet = [
  ' ',
  ':',
  '-',
  '=',
  '|',
  '#',
  '0',
  '1',
  '2',
  '9',
  'p',
  'q',
  'y',
  'h',
  'v',
  'u',
  '&',
  '\n',
  '\ud800',
  '\udc00',
  'ü',
]
const crafted = [' q-', ' p1:', ' =1:1', ' x1:a', ' u32:', ' | y1:', ' b1:', '1:', ' h3:x-a', '']
const text = fc.oneof(
  fc.array(fc.constantFrom(...alphabet), { maxLength: 5 }).map((list) => list.join('')),
  fc.constantFrom(...crafted),
)
/** Cookie values end at a separator; whitespace around them does not count. */
const cookieText = text.map((value) => value.replace(/[;,]/g, '').trim())
const parameter = text.map((value) => value.replaceAll('&', ''))
const maybe = (of: fc.Arbitrary<string>): fc.Arbitrary<string | undefined> =>
  fc.option(of, { nil: undefined })

const partsArbitrary: fc.Arbitrary<Parts> = fc.record({
  namespace: text,
  version: text,
  method: fc.constantFrom('GET', 'HEAD', 'QUERY', 'POST'),
  scheme: text,
  authority: text,
  path: text.map((value) => `/${value}`),
  query: fc.option(fc.array(parameter, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  header: maybe(text),
  cookies: fc.array(cookieText, { maxLength: 2 }),
  by: maybe(text),
  scope: maybe(text),
  digest: maybe(text),
  type: maybe(text),
  vary: fc.tuple(maybe(text), maybe(text)),
})

type Draw = () => number

const draw = (random: Draw): string =>
  random() < 0.2
    ? pick(random, crafted)
    : Array.from({ length: random() * 5 }, () => pick(random, alphabet)).join('')
const maybeDraw = (random: Draw): string | undefined => (random() < 0.3 ? undefined : draw(random))
const drawList = (random: Draw, least: number): string[] =>
  Array.from({ length: least + random() * 3 }, () => draw(random).replaceAll('&', '').trim())

/** The same without fast-check, for numbers that it would take long to make. */
const drawPart: { readonly [Name in keyof Parts]: (random: Draw) => Parts[Name] } = {
  namespace: draw,
  version: draw,
  method: (random) => pick(random, ['GET', 'HEAD', 'QUERY', 'POST']),
  scheme: draw,
  authority: draw,
  path: (random) => `/${draw(random)}`,
  query: (random) => (random() < 0.3 ? undefined : drawList(random, 1)),
  header: maybeDraw,
  cookies: (random) => drawList(random, 0),
  by: maybeDraw,
  scope: maybeDraw,
  digest: maybeDraw,
  type: maybeDraw,
  vary: (random) => [maybeDraw(random), maybeDraw(random)],
}
const names = Object.keys(drawPart) as (keyof Parts)[]

let byValue: string | undefined
const { policy } = compileOptions(
  { key: { headers: ['x-a'], cookies: ['sid'], by: { tenant: () => byValue } } },
  'test',
)

const keyOfParts = (parts: Parts): string => {
  byValue = parts.by
  const cookie = parts.cookies.map((value) => `sid=${value}`).join(';')
  const key = primaryKey(
    keyPrefix(parts.namespace, parts.version),
    {
      method: parts.method,
      scheme: parts.scheme,
      authority: parts.authority,
      url: parts.query === undefined ? parts.path : `${parts.path}?${parts.query.join('&')}`,
      headers: {
        ...(parts.header === undefined ? {} : { 'x-a': parts.header }),
        ...(parts.type === undefined ? {} : { 'content-type': parts.type }),
        ...(parts.cookies.length === 0 ? {} : { cookie }),
      },
      raw: undefined,
    },
    policy,
    {
      ...(parts.scope === undefined ? {} : { scope: parts.scope }),
      ...(parts.digest === undefined ? {} : { bodyDigest: parts.digest }),
    },
  )
  return variantKey(key, ['a', 'b'], parts.vary).full
}

const baseOf = (raw: string): string => raw.split('=', 1)[0]?.split(/[[.]/, 1)[0] ?? ''

/** Parameters of one name in their order, names in any: `%` and `+` are not in the alphabet. */
const queryMeaning = (query: Parts['query']): unknown => {
  if (query === undefined) return 'none'
  const byBase = new Map<string, string[]>()
  for (const raw of query) byBase.set(baseOf(raw), [...(byBase.get(baseOf(raw)) ?? []), raw])
  return [...byBase].sort(([a], [b]) => (a < b ? -1 : 1))
}

const meaningOf = (parts: Parts): string =>
  JSON.stringify({
    ...parts,
    method: parts.method === 'HEAD' ? 'GET' : parts.method,
    query: queryMeaning(parts.query),
    header: normaliseSelecting('x-a', parts.header) ?? null,
    by: parts.by ?? null,
    scope: parts.scope ?? null,
    digest: parts.digest ?? null,
    // The type of a body without a digest is no part of the key.
    type: parts.digest === undefined ? null : [parts.type ?? null],
    vary: parts.vary.map((value) => value ?? null),
  })

/** A pair that differs in few parts, or moves text from one part to another. */
const pairArbitrary = fc
  .tuple(
    partsArbitrary,
    partsArbitrary,
    fc.subarray(
      [
        'namespace',
        'version',
        'method',
        'scheme',
        'authority',
        'path',
        'query',
        'header',
        'cookies',
        'by',
        'scope',
        'digest',
        'type',
        'vary',
      ] as const,
      { maxLength: 3 },
    ),
  )
  .map(([a, b, taken]): readonly [Parts, Parts] => {
    const changed = Object.fromEntries(taken.map((name) => [name, b[name]]))
    return [a, { ...a, ...changed }]
  })

describe('keys of requests', () => {
  test('two are equal if and only if all their parts are', () => {
    fc.assert(
      fc.property(pairArbitrary, ([a, b]) => {
        expect(keyOfParts(a) === keyOfParts(b)).toBe(meaningOf(a) === meaningOf(b))
      }),
      { numRuns: 5000 },
    )
  })

  test('100,000 tuples of separators, digits and crafted parts do not collide', () => {
    const random = createRandom(20_240_615)
    const meanings = new Set<string>()
    const keys = new Set<string>()
    const redraw = (parts: Parts, taken: readonly (keyof Parts)[]): Parts => ({
      ...parts,
      ...Object.fromEntries(taken.map((name) => [name, drawPart[name](random)])),
    })
    let parts = redraw({} as Parts, names)
    while (meanings.size < 100_000) {
      // Mostly neighbours: tuples that share all parts but one or two are the likeliest to collide.
      parts = redraw(parts, random() < 0.05 ? names : [pick(random, names), pick(random, names)])
      meanings.add(meaningOf(parts))
      keys.add(keyOfParts(parts))
    }
    expect(keys.size).toBe(meanings.size)
  }, 60_000)

  test('text moved from a part to its neighbour makes another key', () => {
    fc.assert(
      fc.property(partsArbitrary, text, (parts, moved) => {
        fc.pre(moved !== '')
        const left = keyOfParts({ ...parts, scheme: parts.scheme + moved })
        const right = keyOfParts({ ...parts, authority: moved + parts.authority })
        expect(left).not.toBe(right)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('keyed queries', () => {
  const raw = fc.tuple(
    fc.constantFrom('a', 'b', 'c', 'a[]', 'a[0]', 'b.x', ''),
    fc.constantFrom('', '=', '=1', '=2'),
  )
  const query = fc.array(
    raw.map(([name, value]) => name + value),
    { minLength: 1, maxLength: 8 },
  )

  test('a sorted query sorts to itself and keeps every parameter', () => {
    fc.assert(
      fc.property(query, (list) => {
        const rule = { use: 'all', names: [] } as const
        const sorted = keyedQuery(list.join('&'), rule)
        expect(keyedQuery(sorted, rule)).toBe(sorted)
        expect(sorted?.split('&').sort()).toEqual([...list].sort())
      }),
    )
  })

  test('parameters of one base name keep their order', () => {
    fc.assert(
      fc.property(query, (list) => {
        const sorted = keyedQuery(list.join('&'), { use: 'all', names: [] })?.split('&') ?? []
        for (const base of ['a', 'b', 'c', ''])
          expect(sorted.filter((one) => baseOf(one) === base)).toEqual(
            list.filter((one) => baseOf(one) === base),
          )
      }),
    )
  })
})
