import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type BareItem,
  type InnerList,
  parseDictionary,
  sfString,
  sfToken,
} from '../../src/semantics/structured-fields.ts'

const parse = (...lines: string[]): Record<string, BareItem | InnerList> | undefined => {
  const dictionary = parseDictionary(lines)
  return dictionary === undefined ? undefined : Object.fromEntries(dictionary)
}

/** The item that stands behind `a=`. */
const item = (text: string): BareItem | InnerList | undefined => parse(`a=${text}`)?.a

const integer = (value: number): BareItem => ({ type: 'integer', value })
const truth: BareItem = { type: 'boolean', value: true }

describe('a Dictionary (RFC 9651 §4.2.2)', () => {
  test.each<[string, string[], Record<string, BareItem | InnerList>]>([
    ['no line is an empty Dictionary', [], {}],
    ['an empty line is an empty Dictionary', [''], {}],
    ['spaces alone are an empty Dictionary', ['   '], {}],
    ['a key alone is Boolean true', ['a'], { a: truth }],
    ['a key may have a value of its own', ['a=1'], { a: integer(1) }],
    ['members need no whitespace', ['a=1,b=2'], { a: integer(1), b: integer(2) }],
    ['members may have spaces and tabs around the comma', ['a=1 \t,\t b'], { a: integer(1), b: truth }],
    ['leading and trailing spaces are dropped', ['  a=1  '], { a: integer(1) }],
    ['several lines are one list', ['a=1', 'b=2'], { a: integer(1), b: integer(2) }],
    ['the last of several equal keys counts', ['a=1, b, a=3'], { a: integer(3), b: truth }],
    ['a later line overrides an earlier one', ['a=1', 'a=?0'], { a: { type: 'boolean', value: false } }],
    ['a key may hold digits, _, -, . and *', ['*a0_-.*=1'], { '*a0_-.*': integer(1) }],
    ['a key named like an object member is only a key', ['constructor=1'], { constructor: integer(1) }],
    ['parameters of a member are dropped', ['a=1;x;y=2; z="q", b;x=?0'], { a: integer(1), b: truth }],
    ['parameters may repeat', ['a=1;x=1;x=2'], { a: integer(1) }],
  ])('%s', (_title, lines, expected) => {
    expect(parse(...lines)).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['a trailing comma', ['a=1,']],
    ['a trailing comma and whitespace', ['a=1, \t']],
    ['an empty member', ['a=1,,b=2']],
    ['a leading comma', [',a']],
    ['an empty line among others', ['a', '', 'b']],
    ['an upper-case key', ['Max-Age=60']],
    ['a key that begins with a digit', ['1a=1']],
    ['a leading tab', ['\ta=1']],
    ['whitespace before =', ['a =1']],
    ['whitespace behind =', ['a= 1']],
    ['= without a value', ['a=']],
    ['= before the next member', ['a=,b']],
    ['two members without a comma', ['a=1 b=2']],
    ['whitespace before a parameter', ['a=1 ;x']],
    ['a parameter without a key', ['a=1;']],
    ['a parameter with an upper-case key', ['a=1;X']],
    ['a parameter without its value', ['a=1;x=']],
    ['a parameter that is an Inner List', ['a=1;x=(1)']],
    ['a parameter that does not parse, behind a key alone', ['a;=1']],
    ['a String split across lines with a control character', ['a="x', 'y\t"']],
    ['a character outside ASCII', ['a=1, é']],
    ['NUL', ['a=1\0']],
    ['semicolons as separators', ['a=1; b=2; C']],
  ])('fails at %s', (_title, lines) => {
    expect(parseDictionary(lines)).toBeUndefined()
  })
})

describe('bare Items (RFC 9651 §4.2.3.1)', () => {
  const longest = '999999999999999'
  test.each<[string, BareItem]>([
    ['0', integer(0)],
    ['042', integer(42)],
    ['-42', integer(-42)],
    [longest, integer(999_999_999_999_999)],
    [`-${longest}`, integer(-999_999_999_999_999)],
    ['1.5', { type: 'decimal', value: 1.5 }],
    ['-0.125', { type: 'decimal', value: -0.125 }],
    ['123456789012.123', { type: 'decimal', value: 123_456_789_012.123 }],
    ['""', { type: 'string', value: '' }],
    ['"a, b; c"', { type: 'string', value: 'a, b; c' }],
    ['"\\"\\\\"', { type: 'string', value: '"\\' }],
    ['gzip', { type: 'token', value: 'gzip' }],
    ["*A/b:!#$%&'*+-.^_`|~9", { type: 'token', value: "*A/b:!#$%&'*+-.^_`|~9" }],
    ['::', { type: 'bytes', value: new Uint8Array() }],
    [':aGVsbG8=:', { type: 'bytes', value: new TextEncoder().encode('hello') }],
    [':aGVsbG8:', { type: 'bytes', value: new TextEncoder().encode('hello') }],
    [':iZ==:', { type: 'bytes', value: new Uint8Array([0x89]) }],
    [':/+Ah:', { type: 'bytes', value: new Uint8Array([0xff, 0xe0, 0x21]) }],
    ['?1', truth],
    ['?0', { type: 'boolean', value: false }],
    ['@1659578233', { type: 'date', value: 1_659_578_233 }],
    ['@-1', { type: 'date', value: -1 }],
    ['%""', { type: 'display-string', value: '' }],
    ['%"f%c3%bc \\ %22%25"', { type: 'display-string', value: 'fü \\ "%' }],
    ['%"%ef%bb%bfx"', { type: 'display-string', value: '\ufeffx' }],
  ])('%s', (text, expected) => {
    expect(item(text)).toEqual(expected)
  })

  test.each(['-0', '-0.0'])('%s is zero without a sign', (text) => {
    expect(Object.is((item(text) as { value: number }).value, 0)).toBe(true)
  })

  test.each([
    '-',
    '--1',
    '-a',
    '+1',
    '.5',
    '1.',
    '1..2',
    '1.2.3',
    '1.2345',
    '1234567890123.1',
    '1000000000000000',
    '1000000000000000x',
    '1x',
    '"a',
    '"a\\',
    '"a\\b"',
    '"a\tb"',
    '"é"',
    '"a"b',
    "'a'",
    ':aGVsbG8=',
    ':aGVs bG8=:',
    ':aGVs-_8=:',
    ':a:',
    ':abcde:',
    ':=aGVsbG8:',
    ':YWJj=:',
    ':YQ===:',
    '?',
    '?2',
    '?true',
    '@',
    '@1.5',
    '@x',
    '%',
    '%a',
    '%"a',
    '%"%C3%BC"',
    '%"%c3"',
    '%"%zz"',
    '%"%c3%28"',
    '%"%ed%a0%80"',
    '%"\t"',
    '#',
    '{}',
    '()(',
  ])('%s fails', (text) => {
    expect(item(text)).toBeUndefined()
  })
})

describe('Inner Lists (RFC 9651 §4.2.1.2)', () => {
  test.each<[string, BareItem[]]>([
    ['()', []],
    ['(   )', []],
    ['(1)', [integer(1)]],
    ['( 1  2 )', [integer(1), integer(2)]],
    [
      '("a" b;x=1);y',
      [
        { type: 'string', value: 'a' },
        { type: 'token', value: 'b' },
      ],
    ],
  ])('%s', (text, items) => {
    expect(item(text)).toEqual({ type: 'inner-list', items })
  })

  test.each(['(', '(1', '(1 ', '(1,2)', '(1\t2)', '("a""b")', '((1))', ')', '(1;)'])('%s fails', (text) => {
    expect(item(text)).toBeUndefined()
  })
})

describe('serialising', () => {
  test.each([
    ['stowage', 'stowage'],
    ['*', '*'],
    ['a/b:c', 'a/b:c'],
    ['', undefined],
    ['1a', undefined],
    ['a b', undefined],
    ['a"', undefined],
    ['a\n', undefined],
    ['é', undefined],
  ])('%j as a Token', (value, expected) => {
    expect(sfToken(value)).toBe(expected)
  })

  test.each([
    ['', '""'],
    ['a b', '"a b"'],
    ['"\\', '"\\"\\\\"'],
    ['a\tb', undefined],
    ['a\n', undefined],
    ['\u007f', undefined],
    ['é', undefined],
  ])('%j as a String', (value, expected) => {
    expect(sfString(value)).toBe(expected)
  })

  test('what is serialised parses to the same value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (value) => {
        const token = sfToken(value)
        const text = sfString(value)
        if (token !== undefined) expect(item(token)).toEqual({ type: 'token', value })
        expect(text).toBeDefined()
        expect(item(text ?? '')).toEqual({ type: 'string', value })
      }),
    )
  })
})

describe('any input', () => {
  const fragment = fc.constantFrom(
    ...[
      'a',
      'max-age',
      '=',
      ',',
      ', ',
      ';',
      ' ',
      '\t',
      '"',
      '\\',
      '(',
      ')',
      '?1',
      '?0',
      '@',
      '%"',
      '%c3',
      ':',
    ],
    ...['-', '1', '12345678', '.', 'é', '\0', '*', 'A'],
  )

  test('never throws, and never yields more than the members that stand there', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fragment, { maxLength: 20 }), { maxLength: 3 }), (lines) => {
        const text = lines.map((line) => line.join(''))
        const dictionary = parseDictionary(text)
        const most = text.join(',').split(',').length
        expect(dictionary?.size ?? 0).toBeLessThanOrEqual(most)
      }),
      { numRuns: 2000 },
    )
  })

  test.each<[string, string]>([
    ['digits', `a=${'1'.repeat(65_536)}`],
    ['an unterminated String', `a="${'x'.repeat(65_536)}`],
    ['backslashes', `a="${'\\'.repeat(65_535)}`],
    ['an unterminated Display String', `a=%"${'%c3'.repeat(21_845)}`],
    ['an unterminated Byte Sequence', `a=:${'A'.repeat(65_536)}`],
    ['parentheses', `a=${'('.repeat(65_536)}`],
    ['an unterminated Inner List', `a=(${'1 '.repeat(32_768)}`],
    ['parameters', `a${';a=1'.repeat(16_384)};`],
    ['whitespace', `a${' '.repeat(65_536)}b`],
    ['members', `${'a=1, '.repeat(13_107)}`],
  ])('64 KB of %s fail at once', (_title, text) => {
    const started = performance.now()
    expect(parseDictionary([text])).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('a String of 64 KB parses', () => {
    const value = 'x"'.repeat(32_768)
    expect(item(sfString(value) ?? '')).toEqual({ type: 'string', value })
  })
})
