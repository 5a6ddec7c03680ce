import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import {
  fieldLines,
  fieldValue,
  hasField,
  isFieldValue,
  isToken,
  listMembers,
  splitList,
  withoutConnectionFields,
} from '../../src/semantics/fields.ts'
import { trimOws } from '../../src/semantics/whitespace.ts'

/** A map as an adapter might hand it over: its types are not those promised. */
const untyped = (headers: unknown): FieldMap => headers as FieldMap

describe('field lines and values (RFC 9110 §5.2, §5.3)', () => {
  const headers: FieldMap = {
    etag: '"a"',
    link: ['</a>', '</b>'],
    'x-empty': '',
    'x-none': [],
    'x-unset': undefined,
  }
  const cases: readonly [name: string, lines: readonly string[], value: string | undefined][] = [
    ['etag', ['"a"'], '"a"'],
    ['link', ['</a>', '</b>'], '</a>, </b>'],
    ['x-empty', [''], ''],
    ['x-none', [], undefined],
    ['x-unset', [], undefined],
    ['absent', [], undefined],
  ]
  test.each(cases)('%s has lines %j and value %j', (name, lines, value) => {
    expect(fieldLines(headers, name)).toEqual(lines)
    expect(fieldValue(headers, name)).toBe(value)
    expect(hasField(headers, name)).toBe(value !== undefined)
  })

  test.each(['constructor', '__proto__', 'tostring', 'toString', 'valueOf', 'hasOwnProperty'])(
    '%s is absent from a plain object without it',
    (name) => {
      expect(fieldLines({}, name)).toEqual([])
      expect(fieldValue({}, name)).toBeUndefined()
      expect(hasField({}, name)).toBe(false)
    },
  )

  test('a field inherited from a prototype is absent', () => {
    const inherited = untyped(Object.create({ authorization: 'Basic x', link: ['</a>'] }))
    expect(fieldValue(inherited, 'authorization')).toBeUndefined()
    expect(fieldLines(inherited, 'link')).toEqual([])
  })

  test('a field called __proto__ is read where the map holds one', () => {
    const parsed = untyped(JSON.parse('{"__proto__":"a","constructor":["b","c"]}'))
    expect(fieldValue(parsed, '__proto__')).toBe('a')
    expect(fieldValue(parsed, 'constructor')).toBe('b, c')
  })

  test('what is not a string is no line', () => {
    const odd = untyped({ a: 5, b: [1, 'x', null, 'y'], c: null, d: {}, e: [1] })
    expect(fieldLines(odd, 'a')).toEqual([])
    expect(fieldLines(odd, 'b')).toEqual(['x', 'y'])
    expect(fieldValue(odd, 'b')).toBe('x, y')
    expect(['a', 'c', 'd', 'e'].map((name) => fieldValue(odd, name))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('list elements (RFC 9110 §5.6.1)', () => {
  const cases: readonly [value: string, elements: readonly string[]][] = [
    ['', []],
    [' \t ', []],
    [',', []],
    [',   ,', []],
    ['a', ['a']],
    ['foo,bar', ['foo', 'bar']],
    ['foo ,bar,', ['foo', 'bar']],
    ['foo , ,bar,charlie', ['foo', 'bar', 'charlie']],
    [' \ta b\t, c ', ['a b', 'c']],
    ['a="b,c",d', ['a="b,c"', 'd']],
    ['a="b\\",c",d', ['a="b\\",c"', 'd']],
    ['a="b\\\\",c', ['a="b\\\\"', 'c']],
    ['a="b,c', ['a="b,c']],
    ['a="b,c\\', ['a="b,c\\']],
    ['a="b"c",d', ['a="b"c",d']],
    ['\\"a,b"', ['\\"a,b"']],
    ['"a","b"', ['"a"', '"b"']],
    ['\u00a0a\u00a0', ['\u00a0a\u00a0']],
  ]
  test.each(cases)('%j has elements %j', (value, elements) => {
    expect(splitList(value)).toEqual(elements)
  })

  test('elements are trimmed, not empty, and nothing but separators and whitespace is lost', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\\', ' ', '\t', '=', 'é') })
    const bare = (value: string): string => value.replace(/[ \t,]/g, '')
    fc.assert(
      fc.property(text, (value) => {
        const elements = splitList(value)
        expect(elements.every((element) => element !== '' && element === trimOws(element))).toBe(true)
        expect(elements.map(bare).join('')).toBe(bare(value))
      }),
    )
  })

  test('joined quoted-strings and tokens are split again as they were', () => {
    const quoted = fc
      .string({ unit: fc.constantFrom('a', ',', '"', '\\', ' ') })
      .map((content) => `"${content.replace(/["\\]/g, '\\$&')}"`)
    const element = fc.oneof(fc.constantFrom('a', 'no-store', 'x=y'), quoted)
    fc.assert(
      fc.property(fc.array(element), fc.constantFrom(',', ', ', ' ,\t', ',,'), (elements, separator) => {
        expect(splitList(elements.join(separator))).toEqual(elements)
      }),
    )
  })
})

describe('list members', () => {
  const cases: readonly [value: string | readonly string[], members: readonly string[]][] = [
    ['Accept, Accept-ENCODING', ['accept', 'accept-encoding']],
    [
      ['Accept', ' Origin ,'],
      ['accept', 'origin'],
    ],
    [' * ', ['*']],
    ['', []],
    ['"a, *', ['"a', '*']],
    ['Accept Encoding', ['accept encoding']],
  ]
  test.each(cases)('%j has members %j', (value, members) => {
    expect(listMembers({ vary: value }, 'vary')).toEqual(members)
  })

  test('an absent field has none', () => {
    expect(listMembers({}, 'vary')).toEqual([])
    expect(listMembers({}, 'constructor')).toEqual([])
  })
})

describe('tokens and field values', () => {
  test.each(['a', 'X-Y', "!#$%&'*+-.^_`|~09azAZ"])('%j is a token', (value) => {
    expect(isToken(value)).toBe(true)
  })

  test.each(['', 'a b', 'a\n', '\na', 'é', 'a"', ...'(),/:;<=>?@[\\]{}"'])('%j is no token', (value) => {
    expect(isToken(value)).toBe(false)
  })

  test('a character is allowed in a field value exactly where Node would send it', () => {
    for (let code = 0; code < 0x300; code += 1) {
      const allowed = code === 9 || (code >= 0x20 && code <= 0x7e) || (code >= 0x80 && code <= 0xff)
      expect([code, isFieldValue(`a${String.fromCharCode(code)}b`)]).toEqual([code, allowed])
      expect([code, isFieldValue(`a${String.fromCharCode(code)}`)]).toEqual([code, allowed])
    }
    expect(isFieldValue('')).toBe(true)
    expect(isFieldValue('a\u{1f600}')).toBe(false)
  })
})

describe('connection-specific fields (RFC 9110 §7.6.1, RFC 9111 §3.1)', () => {
  test('all that concern one connection or proxy are left out, with those that Connection names', () => {
    const kept = withoutConnectionFields({
      connection: ['X-Hop , close', 'x-other'],
      'keep-alive': 'timeout=5',
      'proxy-connection': 'close',
      te: 'trailers',
      trailer: 'x',
      'transfer-encoding': 'chunked',
      upgrade: 'h2c',
      'proxy-authenticate': 'Basic',
      'proxy-authentication-info': 'x',
      'proxy-authorization': 'x',
      'x-hop': '1',
      'x-other': ['2', '3'],
      'x-unset': undefined,
      etag: '"a"',
      link: ['</a>', '</b>'],
    })
    expect(Object.entries(kept)).toEqual([
      ['etag', '"a"'],
      ['link', ['</a>', '</b>']],
    ])
  })

  test('the original is left as it was', () => {
    const headers = { connection: 'x-hop', 'x-hop': '1' }
    withoutConnectionFields(headers)
    expect(headers).toEqual({ connection: 'x-hop', 'x-hop': '1' })
  })

  test('the copy inherits nothing, and a field called __proto__ stays a field', () => {
    const kept = withoutConnectionFields(untyped(JSON.parse('{"__proto__":"a","constructor":"b"}')))
    expect('toString' in kept).toBe(false)
    expect(Object.entries(kept)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ])
  })
})

describe('values of 64 KB', () => {
  test.each(['"', '\\"', '",', ',', 'a,', ' ', 'a   ', '"\\'])('repeated %j costs linear time', (unit) => {
    const value = unit.repeat(65_536 / unit.length)
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now()
      splitList(value)
      listMembers({ vary: value }, 'vary')
      isToken(value)
      isFieldValue(value)
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(20)
  })
})
