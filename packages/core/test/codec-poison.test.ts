import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { decode, encode } from '../src/codec.ts'
import { reuseFacts } from '../src/entry.ts'
import { select } from '../src/select.ts'
import { mayReuse } from '../src/semantics/reuse.ts'
import { decodeVariants } from '../src/variants.ts'
import { sealed, storedResponse } from './stored.ts'

const [, goodHead = '', goodBody = ''] = (encode(storedResponse()) ?? '').split('\n')

/** An entry with members of its head replaced, as somebody with access to the store could write it. */
const poisoned = (members: Record<string, unknown>, body = goodBody): string =>
  sealed(`${JSON.stringify({ ...(JSON.parse(goodHead) as object), ...members })}\n${body}`)

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([])
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test('what the checks below are made of is an entry', () => {
  expect(decode(poisoned({}), 'k')?.body.toString()).toBe('hello')
})

describe('members of a wrong type or value are a miss', () => {
  const rows: readonly [member: string, values: readonly unknown[]][] = [
    ['k', [undefined, null, 1, ['k'], { toString: 'k' }]],
    ['s', [undefined, '200', 199, 600, 999, 100, -200, 200.5, null, [200]]],
    ['r', [1, null, 'OK\r\nX-A: 1', 'OK\n', 'a\u0000', '\u2028', {}]],
    [
      'h',
      [
        undefined,
        null,
        {},
        'a',
        [['a']],
        [['a', 'b', 'c']],
        ['ab'],
        [[1, 'a']],
        [['a', 1]],
        [['a', [1]]],
        [null],
      ],
    ],
    ['h', [[['A', 'b']], [['a b', 'c']], [['', 'a']], [['a:', 'b']], [['a\r\nx', 'b']]]],
    [
      'h',
      [
        [['a', 'b\r\nset-cookie: c=1']],
        [['a', 'b\nc']],
        [['a', 'b\u0000']],
        [['a', ['b', 'c\r']]],
        [['a', 'ŝ']],
      ],
    ],
    [
      'h',
      [
        [['content-length', '4']],
        [['content-length', '5, 5']],
        [['content-length', ['5', '5']]],
        [['transfer-encoding', 'chunked']],
      ],
    ],
    ['d', [undefined, null, [], 'private', 1]],
    [
      't',
      [
        undefined,
        null,
        [],
        [1, 2, 3],
        [0, 0, 0, 0, 0, 0, '0'],
        [0, 0, 0, 0, 0, 0, null],
        [0, 0, 1e300, 0, 0, 0, 0],
        [0, 0, 0, -1, 0, 0, 0],
      ],
    ],
    ['g', [undefined, null, 'a', [1], [['a']], {}]],
    ['q', [undefined, null, '0']],
    ['e', [undefined, null, 0]],
    ['n', [undefined, null, 0]],
    ['u', [null, 0, []]],
    ['f', [undefined, null, 0]],
    ['b', [undefined, null, 'hex', 'utf16le', 'latin1', '__proto__']],
  ]
  test.each(rows)('%s', (member, values) => {
    for (const value of values) expect(decode(poisoned({ [member]: value }), 'k')).toBeUndefined()
  })

  test.each(['null', '1', '"c1"', '[]', '[[]]', '{}', '', 'undefined', '{"k":"k"', '{"__proto__":{}}'])(
    'a head of %j',
    (head) => {
      expect(decode(sealed(`${head}\nhello`), 'k')).toBeUndefined()
    },
  )

  test('a head of brackets, however many', () => {
    for (const depth of [10, 1000, 100_000])
      for (const bracket of ['[', '{"k":'])
        expect(decode(sealed(`${bracket.repeat(depth)}\n`), 'k')).toBeUndefined()
  })
})

describe('members called __proto__', () => {
  test('in the head are no members of it', () => {
    const head = goodHead.replace('{"k":"k"', '{"__proto__":{"k":"k","polluted":1}')
    expect(decode(sealed(`${head}\nhello`), 'k')).toBeUndefined()
    const both = goodHead.replace(
      '{"k"',
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"k"',
    )
    expect(decode(sealed(`${both}\nhello`), 'k')?.status).toBe(200)
  })

  test('among the header fields are fields', () => {
    const stored = decode(
      poisoned({
        h: [
          ['__proto__', 'a'],
          ['constructor', 'b'],
          ['tostring', 'c'],
        ],
      }),
      'k',
    )
    expect(Object.entries(stored?.headers ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['tostring', 'c'],
    ])
  })

  test('among the directives direct nothing', () => {
    const head = goodHead.replace('"d":{', '"d":{"__proto__":{"noCache":true,"polluted":1},')
    const stored = decode(sealed(`${head}\nhello`), 'k')
    expect(stored?.directives.noCache).not.toBe(true)
  })
})

test('whatever a head says, deciding and answering with it throw nothing and send no line break', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(...[null, true, -1, 0, 1e300, '', 'a\r\nb', '__proto__', [], ['a', 1], {}]),
    fc.jsonValue({ maxDepth: 3 }),
  )
  const member = fc.constantFrom(...['k', 's', 'r', 'h', 'd', 't', 'g', 'q', 'e', 'n', 'u', 'f', 'b'])
  const directives = fc.dictionary(
    fc.constantFrom(
      'noStore',
      'noCache',
      'private',
      'mustRevalidate',
      'sMaxage',
      'maxAge',
      'staleIfError',
      '__proto__',
    ),
    value,
  )
  const damage = fc.oneof(
    fc.dictionary(member, value, { maxKeys: 2 }),
    directives.map((d) => ({ d })),
  )
  fc.assert(
    fc.property(damage, (members) => {
      const stored = decode(poisoned(members), 'k')
      if (stored === undefined) return
      const facts = reuseFacts(stored, 2_000_000, undefined)
      expect(['fresh', 'stale', 'refresh', 'validate']).toContain(mayReuse(facts, {}).use)
      const { headers } = select(stored, 'GET', { range: 'bytes=0-1', 'if-none-match': '"a"' }, {})
      expect(JSON.stringify(headers)).not.toMatch(/\\[rn]/)
      expect(decode(encode(stored) ?? '', 'k')).toBeDefined()
    }),
    { numRuns: 3000 },
  )
})

test.each([
  '{"k":"k","v":"a","i":[]}',
  '{"k":"k","v":["a b"],"i":[]}',
  '{"k":"k","v":["a"],"i":[["a"]]}',
  '{"k":"k","v":["a"],"i":[[1,1]]}',
  '{"k":"k","v":["a"],"i":{}}',
  '{"v":["a"],"i":[]}',
  'null',
  '[',
])('a poisoned record of variants is a miss: %s', (text) => {
  expect(decodeVariants(sealed(text, 'v1'), 'k')).toBeUndefined()
})
