import { describe, expect, test } from 'vitest'
import {
  type Directive,
  lettersOf,
  parseDeltaSeconds,
  readDirectives,
} from '../../src/semantics/directives.ts'

describe('delta-seconds (RFC 9111 §1.2.2)', () => {
  const cases: readonly [text: string, seconds: number | undefined][] = [
    ['0', 0],
    ['60', 60],
    ['0060', 60],
    ['2147483647', 2 ** 31 - 1],
    ['2147483648', 2 ** 31],
    ['2147483649', 2 ** 31],
    ['9'.repeat(400), 2 ** 31],
    [`${'0'.repeat(400)}7`, 7],
    ['', undefined],
    ['-1', undefined],
    ['+1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['0x1f', undefined],
    [' 1', undefined],
    ['1\n', undefined],
    ['1s', undefined],
    ['\u0661', undefined],
    ['Infinity', undefined],
  ]
  test.each(cases)('%j is %j', (text, seconds) => {
    expect(parseDeltaSeconds(text)).toBe(seconds)
  })
})

describe('elements that match the grammar (RFC 9111 §5.2)', () => {
  const cases: readonly [value: string, directives: readonly Omit<Directive, 'quoted'>[]][] = [
    ['Public', [{ name: 'public', argument: undefined }]],
    ['Max-Age=60', [{ name: 'max-age', argument: '60' }]],
    [
      'a="B, c",d',
      [
        { name: 'a', argument: 'B, c' },
        { name: 'd', argument: undefined },
      ],
    ],
    ['a="b\\"\\c"', [{ name: 'a', argument: 'b"c' }]],
    ['a=""', [{ name: 'a', argument: '' }]],
    ['a="\té"', [{ name: 'a', argument: '\té' }]],
  ]
  test.each(cases)('%j', (value, directives) => {
    const list = readDirectives(value)
    expect(list.damaged).toBe(false)
    expect(list.directives.map(({ name, argument }) => ({ name, argument }))).toEqual(directives)
  })
})

describe('elements that do not', () => {
  const damaged = [
    'a b',
    'a=',
    '=a',
    'a =b',
    'a= b',
    'a==b',
    '"a"',
    'a="b',
    'a="b"c',
    'a=b"c"',
    'a="b\\"',
    'a;b',
    'é',
    'a=é',
    'a\u0000',
    'a="\u0000"',
    'a="\u0100"',
  ]
  test.each(damaged)('%j is damaged', (value) => {
    const list = readDirectives(`x, ${value}`)
    expect(list.damaged).toBe(true)
    expect(list.directives).toEqual([{ name: 'x', argument: undefined, quoted: false }])
  })

  test('names are found in them whatever stands between the letters', () => {
    const found = (value: string): boolean => readDirectives(value).mayName('nostore')
    expect(
      ['no store', 'x;No-Store', 'no"-"store', '"x, no_store', 'a b, c no-store d'].filter(found),
    ).toHaveLength(5)
    expect(['no-store', 'a no, store b', 'no-stor e', 'x="no-store"'].filter(found)).toEqual(['no-stor e'])
  })

  test('names are found as words in quoted arguments', () => {
    const found = (value: string): boolean => readDirectives(value).quotes('private')
    expect(
      ['x="a, Private, b"', 'x=";private;"', 'x="pri-vate=1"', 'y="a", x="private"'].filter(found),
    ).toHaveLength(4)
    expect(['private', 'x=private', 'x="x-private"', 'x="pri vate"', 'x="private'].filter(found)).toEqual([])
  })

  test('a character that no directive is made of makes the value unreadable', () => {
    expect(
      ['é', 'a="é"', 'a\u0000', 'a, \u007f', '\u2028'].filter((value) => readDirectives(value).unreadable),
    ).toHaveLength(5)
    expect(readDirectives('a,\tb="\\" ~"').unreadable).toBe(false)
  })
})

test('the letters of a name are the same however it is written', () => {
  expect(['no-store', 'No_Store', 'NOSTORE', 'n.o-store1'].map(lettersOf)).toEqual(Array(4).fill('nostore'))
})
