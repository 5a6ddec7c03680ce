import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normaliseSelecting } from '../../src/semantics/vary.ts'

const preferenceFields = ['accept', 'accept-charset', 'accept-encoding', 'accept-language']

describe('values that mean the same (RFC 9111 §4.1)', () => {
  test.each<[string, string, string, string]>([
    ['letter case of codings', 'accept-encoding', 'GZip, BR', 'gzip, br'],
    ['order of codings', 'accept-encoding', 'br, gzip', 'gzip, br'],
    ['order of weighted codings', 'accept-encoding', 'br;q=0.5, gzip', 'gzip, br;q=0.5'],
    ['order of charsets', 'accept-charset', 'utf-8, iso-8859-1;q=0.5', 'ISO-8859-1;q=0.5,UTF-8'],
    ['whitespace around commas', 'accept-encoding', 'gzip,br', ' gzip \t,  br '],
    ['whitespace around semicolons', 'accept-language', 'en ; q=0.5', 'en;q=0.5'],
    ['empty members', 'accept-encoding', 'gzip,,br,', 'gzip,br'],
    ['a weight of one', 'accept-language', 'en;q=1', 'en'],
    ['a weight of one with zeros', 'accept-language', 'en;q=1.000', 'en;Q=1.'],
    ['zeros at the end of a weight', 'accept-language', 'en;q=0.500', 'en;q=0.5'],
    ['a weight of zero', 'accept-encoding', 'br;q=0', 'br;q=0.000'],
    ['letter case of languages', 'accept-language', 'en-GB', 'EN-gb'],
    ['order of languages with different weights', 'accept-language', 'en;q=0.5, de', 'de, en;q=0.5'],
    ['letter case of media types', 'accept', 'Text/HTML;Level="A"', 'text/html;level="A"'],
    [
      'order of media ranges with different weights',
      'accept',
      '*/*;q=0.1, text/html',
      'text/html, */*;q=0.1',
    ],
    ['whitespace around a list in an unknown field', 'x-list', ' a , b', 'a,b'],
    ['no member and no member', 'accept-encoding', ',', ''],
  ])('%s', (_title, name, a, b) => {
    expect(normaliseSelecting(name, a)).toBe(normaliseSelecting(name, b))
  })
})

describe('values that do not mean the same, or might not', () => {
  test.each<[string, string, string | undefined, string | undefined]>([
    ['absent and empty', 'accept-encoding', undefined, ''],
    ['absent and empty, unknown field', 'x-a', undefined, ''],
    ['a weight and none', 'accept-language', 'en;q=0.5', 'en'],
    ['zero and one', 'accept-encoding', 'br;q=0', 'br'],
    ['everything and nothing', 'accept-encoding', '*', ''],
    ['everything and one', 'accept-encoding', '*', 'gzip'],
    ['different weights', 'accept-language', 'en;q=0.5', 'en;q=0.51'],
    ['order of languages of equal weight', 'accept-language', 'en, de', 'de, en'],
    [
      'order of media ranges of equal weight',
      'accept',
      'text/html, application/json',
      'application/json, text/html',
    ],
    ['order of contradictory weights', 'accept-encoding', 'br;q=0, br', 'br, br;q=0'],
    ['order of contradictory weights for a type', 'accept', 'a/b;q=0.1, a/b', 'a/b, a/b;q=0.1'],
    ['letter case of a parameter', 'accept', 'a/b;p=X', 'a/b;p=x'],
    ['letter case of a quoted parameter', 'accept', 'a/b;p="X"', 'a/b;p="x"'],
    ['whitespace in a quoted parameter', 'accept', 'a/b;p="x , y"', 'a/b;p="x,y"'],
    ['a weight in a quoted parameter', 'accept', 'a/b;p=";q=1"', 'a/b;p=""'],
    ['what follows the weight', 'accept', 'a/b;q=1;ext=1', 'a/b;ext=1'],
    ['what follows a weight', 'accept', 'a/b;q=0.5;ext=1', 'a/b;q=0.5'],
    ['letter case of a parameter that codings do not have', 'accept-encoding', 'GZIP;p=x', 'gzip;p=x'],
    ['two weights', 'accept', 'a/b;q=1;q=0.5', 'a/b;q=0.5'],
    ['a weight that is none', 'accept-language', 'en;q=1.5', 'en'],
    ['a weight with four digits', 'accept-language', 'en;q=1.0000', 'en'],
    ['whitespace around = of a weight', 'accept-language', 'en;q = 0.5', 'en;q=0.5'],
    ['a semicolon alone', 'accept-language', 'en;', 'en'],
    ['letter case beside damage', 'accept-language', 'EN;', 'en;'],
    ['order beside damage', 'accept-encoding', 'gzip, b r', 'b r, gzip'],
    ['quoted commas in an unknown field', 'x-list', '"a , b"', '"a,b"'],
    ['quoted commas behind an escaped quote', 'x-list', '"\\" , b"', '"\\",b"'],
    ['letter case in an unknown field', 'x-list', 'A', 'a'],
    ['order in an unknown field', 'x-list', 'a, b', 'b, a'],
    ['empty members in an unknown field', 'x-list', 'a,,b', 'a,b'],
    ['repeated members in an unknown field', 'x-list', 'a, a', 'a'],
    ['whitespace inside a member', 'x-list', 'a  b', 'a b'],
    ['whitespace beside commas in prose', 'user-agent', 'X (a, b)', 'X (a,b)'],
    ['whitespace beside commas in a cookie', 'cookie', 'a=b, c', 'a=b,c'],
    ['an unusual space', 'x-list', 'a\u00a0', 'a'],
    ['an unusual space beside a coding', 'accept-encoding', 'gzip\u00a0', 'gzip'],
    ['letters that only Unicode folds', 'accept-language', '\u212aa', 'ka'],
  ])('%s', (_title, name, a, b) => {
    expect(normaliseSelecting(name, a)).not.toBe(normaliseSelecting(name, b))
  })
})

test('the comparison form is readable', () => {
  const chrome =
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7'
  expect(normaliseSelecting('accept', chrome)).toBe(
    'text/html,application/xhtml+xml,image/avif,application/xml;q=0.9,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
  )
  expect(normaliseSelecting('accept-encoding', 'gzip, deflate, br, zstd')).toBe('br,deflate,gzip,zstd')
})

interface Choice {
  readonly range: string
  readonly parameters: readonly string[]
  readonly weight: number
}

/** What a recipient that follows RFC 9110 §12.5 to the letter makes of a list, written without sharing any code. */
const choices = (value: string): Choice[] | undefined => {
  const read = value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
    .map((member): Choice | undefined => {
      const [range = '', ...parts] = member.split(';').map((part) => part.trim())
      const last = parts.at(-1)?.toLowerCase() ?? ''
      const weighted = last.startsWith('q=')
      const parameters = weighted ? parts.slice(0, -1) : parts
      const weight = weighted ? last.slice(2) : '1'
      const isIntact = /^[a-z*/-]+$/i.test(range) && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight)
      if (!isIntact || parameters.some((part) => !/^[a-pr-z]=[a-z]$/i.test(part))) return undefined
      const lowered = parameters.map((part) => part.slice(0, 1).toLowerCase() + part.slice(1))
      return { range: range.toLowerCase(), parameters: lowered, weight: Number(weight) }
    })
  return read.some((choice) => choice === undefined) ? undefined : (read as Choice[])
}

/** Two lists, half of the time with the same members in any order. */
const lists = (ranges: readonly string[]): fc.Arbitrary<[string, string]> => {
  const weight = fc.constantFrom(
    '',
    ';q=1',
    '; Q=1.0',
    ' ;q=0.5',
    ';q=0.50',
    ';q=0',
    ';q=2',
    ';q',
    ';p=x',
    ';P=X;q=1',
    ';q=0.5;p=x',
  )
  const member = fc.tuple(fc.constantFrom(...ranges), weight).map((parts) => parts.join(''))
  const members = fc.array(member, { maxLength: 4 })
  const shuffled = members.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  )
  const separator = fc.constantFrom(',', ', ', ' ,', ',,')
  return fc
    .tuple(fc.oneof(shuffled, fc.tuple(members, members)), separator, separator)
    .map(([[a, b], first, second]) => [a.join(first), b.join(second)])
}

describe('any pair of preference lists', () => {
  const tokens = lists(['gzip', 'GZIP', 'br', '*', 'en-GB', ''])
  const media = lists(['text/html', 'Text/html', 'a/b', '*/*', 'a/*', 'text'])
  const pair = fc.oneof(
    fc.tuple(fc.constantFrom('accept-charset', 'accept-encoding', 'accept-language'), tokens),
    fc.tuple(fc.constant('accept'), media),
  )
  const byRange = (list: readonly Choice[]): Choice[] =>
    [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

  test('is equated only where a recipient reads the same from both', () => {
    let equated = 0
    fc.assert(
      fc.property(pair, ([name, [a, b]]) => {
        fc.pre(a !== b)
        if (normaliseSelecting(name, a) !== normaliseSelecting(name, b)) return
        equated += 1
        const [first, second] = [choices(a), choices(b)]
        expect(first === undefined).toBe(second === undefined)
        if (first === undefined || second === undefined) return
        expect(byRange(first)).toEqual(byRange(second))
        if (name === 'accept' || name === 'accept-language')
          for (const weight of new Set(first.map((choice) => choice.weight))) {
            const equals = (choice: Choice): boolean => choice.weight === weight
            expect(first.filter(equals)).toEqual(second.filter(equals))
          }
      }),
      { numRuns: 20_000, seed: 9111 },
    )
    expect(equated).toBeGreaterThan(1000)
  })
})

describe('any value', () => {
  const bits = fc.constantFrom(
    '"',
    '\\',
    ',',
    ' , ',
    '\t',
    'a',
    'B',
    ';',
    '=',
    'q=1',
    'q=0.5',
    '*',
    '/',
    '\u00e9',
  )
  const value = fc.oneof(
    fc.array(bits, { maxLength: 16 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  )
  const name = fc.constantFrom(...preferenceFields, 'x-list', 'cookie')

  test('is in its normal form once it was normalised', () => {
    fc.assert(
      fc.property(name, value, (field, text) => {
        const once = normaliseSelecting(field, text)
        expect(normaliseSelecting(field, once)).toBe(once)
      }),
      { numRuns: 5000 },
    )
  })

  test('keeps every character but whitespace in an unknown field', () => {
    fc.assert(
      fc.property(value, (text) => {
        const normal = normaliseSelecting('x-list', text) ?? ''
        expect(normal.replace(/[ \t]/g, '')).toBe(text.replace(/[ \t]/g, ''))
      }),
    )
  })

  test.each([
    ['quotes', '"'.repeat(65_536)],
    ['backslashes', `"${'\\'.repeat(65_535)}`],
    ['whitespace', `a${' '.repeat(65_536)}b`],
    ['whitespace between commas', ' , '.repeat(21_845)],
    ['semicolons', `a/b${';'.repeat(65_536)}`],
    ['spaced semicolons', `a/b${' ; '.repeat(21_845)}`],
    ['parameters', `a/b${';a=b'.repeat(16_384)};`],
    ['an open parameter', `a/b;a="${'x'.repeat(65_536)}`],
    ['letters', 'a'.repeat(65_536)],
    ['members', 'a/b,'.repeat(16_384)],
    ['weights', 'a/b;q=0.1,'.repeat(6553)],
  ])('64 KB of %s take no time', (_title, text) => {
    const started = performance.now()
    for (const field of [...preferenceFields, 'x-list', 'cookie'])
      expect(typeof normaliseSelecting(field, text)).toBe('string')
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
