import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, canonicalJsonText } from '../src/canonical-json.ts'

/** Equal as JSON values: the order of members does not matter, -0 is 0. */
const sameValue = (a: unknown, b: unknown): boolean => {
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((member, i) => sameValue(member, b[i]))
    )
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every(
    (name) =>
      Object.hasOwn(b, name) &&
      sameValue((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  )
}

const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, false, 0, -0, 1, -1, 1.5, '', '0', 'null', '[]', '{}', '\ud800', ',', '"'),
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', '__proto__', 'constructor', '1', ''), tie('json')), {
        maxLength: 4,
        selector: ([name]) => name,
      })
      .map((members) => Object.fromEntries(members)),
  ),
}))

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, reversed(member)])
      .reverse(),
  )
}

describe('canonical JSON', () => {
  test('is equal if and only if the values are', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).toBe(sameValue(a, b))
      }),
      { numRuns: 5000 },
    )
  })

  test('does not depend on the order of members and means the same', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value)
        expect(canonicalJson(reversed(value))).toBe(text)
        expect(sameValue(JSON.parse(text ?? ''), value)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('of a text is that of its value', () => {
    fc.assert(
      fc.property(json, (value) => {
        // A zero with a sign cannot be told from other numbers by the text alone.
        fc.pre(!JSON.stringify(value).includes('-0'))
        expect(canonicalJsonText(JSON.stringify(value, null, 1))).toBe(canonicalJson(value))
      }),
      { numRuns: 2000 },
    )
  })

  test('a member called __proto__ is a member', () => {
    const plain = canonicalJsonText('{"a":1}')
    expect(canonicalJsonText('{"a":1,"__proto__":{"b":2}}')).not.toBe(plain)
    expect(canonicalJsonText('{"__proto__":{"b":2},"a":1}')).toBe(
      canonicalJsonText('{"a":1,"__proto__":{"b":2}}'),
    )
    expect(({} as { b?: unknown }).b).toBeUndefined()
  })

  test('a repeated member counts as parsers take it: the last', () => {
    expect(canonicalJsonText('{"a":1,"a":2}')).toBe(canonicalJsonText('{"a":2}'))
  })
})

describe('numbers that JavaScript does not keep apart have no canonical text', () => {
  test.each([
    '9007199254740993',
    '[9007199254740992]',
    '1e400',
    '-1E400',
    '1e1',
    '0.1000000000000000055511151231257827',
    '0.300000000000000',
    '-0',
    '{"a":-0.0}',
  ])('%s', (text) => {
    expect(canonicalJsonText(text)).toBeUndefined()
  })

  test.each(['9007199254740', '0.25', '-12.5', '100', '"9007199254740993 is text"'])(
    '%s may have one',
    (text) => {
      const expected = /\d{16}/.test(text) ? undefined : text
      expect(canonicalJsonText(text)).toBe(expected)
    },
  )

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d', (value) => {
    expect(canonicalJson([value])).toBeUndefined()
  })
})

describe('what JSON cannot hold has no canonical text', () => {
  class Point {
    readonly x = 1
  }
  const values: readonly [string, unknown][] = [
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['a Date', new Date(0)],
    ['a Map', new Map()],
    ['an instance', new Point()],
    ['a hole', [1, undefined]],
    ['a member that is undefined', { a: undefined }],
  ]
  test.each(values)('%s', (_name, value) => {
    expect(canonicalJson(value)).toBeUndefined()
    expect(canonicalJson({ deep: [value] })).toBeUndefined()
  })

  test('an object without a prototype is a plain one', () => {
    expect(canonicalJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}')
  })

  test('deeper than 64 levels, without overflowing the stack', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(canonicalJsonText(nested(65))).toBe(nested(65))
    expect(canonicalJsonText(nested(66))).toBeUndefined()
    expect(canonicalJsonText(nested(100_000))).toBeUndefined()
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    expect(canonicalJson(cyclic)).toBeUndefined()
  })

  test.each(['', '{', '{"a":}', 'undefined', "{'a':1}", '\u0000'])('%j is no JSON', (text) => {
    expect(canonicalJsonText(text)).toBeUndefined()
  })
})
