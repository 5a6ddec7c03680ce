import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import { freshenFields, identifiesStored, notModifiedFields } from '../../src/semantics/validate.ts'

const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const later = 'Sun, 06 Nov 1994 08:49:38 GMT'

describe('which stored response a 304 updates (RFC 9111 §4.3.4)', () => {
  test.each<[string, FieldMap, FieldMap, boolean]>([
    ['the same strong tag', { etag: '"a"' }, { etag: '"a"' }, true],
    ['another strong tag', { etag: '"b"' }, { etag: '"a"' }, false],
    ['a strong tag, and the stored one is weak', { etag: '"a"' }, { etag: 'W/"a"' }, false],
    ['the same weak tag', { etag: 'W/"a"' }, { etag: 'W/"a"' }, true],
    ['a weak tag, and the stored one is strong', { etag: 'W/"a"' }, { etag: '"a"' }, true],
    ['another weak tag', { etag: 'W/"b"' }, { etag: 'W/"a"' }, false],
    ['a damaged tag', { etag: '*' }, { etag: '"a"' }, false],
    ['two tags', { etag: ['"a"', '"b"'] }, { etag: '"a"' }, false],
    ['a tag, and two are stored', { etag: '"a"' }, { etag: ['"a"', '"b"'] }, false],
    [
      'another tag beside the same date',
      { etag: '"b"', 'last-modified': date },
      { etag: '"a"', 'last-modified': date },
      false,
    ],
    [
      'the same tag beside another date',
      { etag: '"a"', 'last-modified': later },
      { etag: '"a"', 'last-modified': date },
      true,
    ],
    ['a strong tag, and none is stored', { etag: '"a"' }, {}, false],
    [
      'a strong tag and the same weak date',
      { etag: '"a"', 'last-modified': date },
      { 'last-modified': date },
      false,
    ],
    [
      'a strong tag and the same strong date',
      { etag: '"a"', 'last-modified': date },
      { 'last-modified': date, date: later },
      true,
    ],
    [
      'a strong tag and another date',
      { etag: '"a"', 'last-modified': later },
      { 'last-modified': date, date: later },
      false,
    ],
    [
      'a weak tag and the same date',
      { etag: 'W/"a"', 'last-modified': date },
      { 'last-modified': date },
      true,
    ],
    ['a weak tag, and none is stored', { etag: 'W/"a"' }, { 'last-modified': date }, false],
    ['the same date', { 'last-modified': date }, { 'last-modified': date }, true],
    [
      'the same date in another format',
      { 'last-modified': 'Sun Nov  6 08:49:37 1994' },
      { 'last-modified': date },
      true,
    ],
    ['another date', { 'last-modified': later }, { 'last-modified': date }, false],
    ['a date, and none is stored', { 'last-modified': date }, { etag: '"a"' }, false],
    ['a damaged date, the same', { 'last-modified': 'x' }, { 'last-modified': 'x' }, false],
    ['no validator', {}, { etag: '"a"', 'last-modified': date }, true],
    ['no validator, and none is stored', {}, {}, true],
    ['a validator without a line', { etag: [] }, { etag: '"a"' }, true],
  ])('%s', (_title, notModified, stored, expected) => {
    expect(identifiesStored(notModified, stored)).toBe(expected)
  })
})

describe('freshening (RFC 9111 §3.2)', () => {
  const freshen = (stored: FieldMap, notModified: FieldMap): FieldMap => ({
    ...freshenFields(stored, notModified),
  })

  test.each<[string, FieldMap, FieldMap, FieldMap]>([
    ['replaces a field', { expires: 'a', x: '1' }, { expires: 'b' }, { expires: 'b', x: '1' }],
    ['adds a field', { x: '1' }, { y: ['2', '3'] }, { x: '1', y: ['2', '3'] }],
    ['replaces a field by an empty one', { x: '1' }, { x: '' }, { x: '' }],
    ['replaces all lines of a field', { link: ['a', 'b'] }, { link: 'c' }, { link: 'c' }],
    [
      'keeps a field that the 304 has no line of',
      { x: '1', y: '2' },
      { x: [], y: undefined },
      { x: '1', y: '2' },
    ],
    ['drops the Age of the stored response', { age: '60', x: '1' }, {}, { x: '1' }],
    ['takes the Age of the 304', { age: '60' }, { age: '5' }, { age: '5' }],
    [
      'keeps what tells how the stored content is read',
      {
        'content-length': '5',
        'content-type': 'a/b',
        'content-encoding': 'br',
        'content-digest': 'd',
        vary: 'accept',
      },
      {
        'content-length': '0',
        'content-type': 'c/d',
        'content-encoding': 'gzip',
        'content-digest': 'e',
        'content-range': 'bytes 0-1/2',
        vary: 'cookie',
      },
      {
        'content-length': '5',
        'content-type': 'a/b',
        'content-encoding': 'br',
        'content-digest': 'd',
        vary: 'accept',
      },
    ],
    ['takes no cookie', {}, { 'set-cookie': ['a=b'] }, {}],
    [
      'takes no field of the connection',
      {},
      {
        connection: 'close, x-hop',
        'x-hop': '1',
        'keep-alive': 'timeout=5',
        'transfer-encoding': 'chunked',
        x: '1',
      },
      { x: '1' },
    ],
    [
      'takes other fields that begin with content',
      { 'content-language': 'en' },
      { 'content-language': 'de' },
      { 'content-language': 'de' },
    ],
  ])('%s', (_title, stored, notModified, expected) => {
    expect(freshen(stored, notModified)).toEqual(expected)
  })

  test('changes neither of the two', () => {
    const stored = Object.freeze({ age: '1', x: '1' })
    const notModified = Object.freeze({ x: '2' })
    expect(freshen(stored, notModified)).toEqual({ x: '2' })
    expect([stored, notModified]).toEqual([{ age: '1', x: '1' }, { x: '2' }])
  })

  test('treats a field called __proto__ like any other', () => {
    const fields = freshenFields(JSON.parse('{"__proto__":"a"}'), JSON.parse('{"__proto__":"b"}'))
    expect(Object.entries(fields)).toEqual([['__proto__', 'b']])
    expect(Object.entries(notModifiedFields(fields))).toEqual([['__proto__', 'b']])
  })

  test('by the same 304 twice changes nothing more', () => {
    const names = fc.constantFrom(
      'etag',
      'vary',
      'age',
      'content-type',
      'connection',
      'x',
      'x-y',
      '__proto__',
    )
    const values = fc.oneof(
      fc.constantFrom('a', 'x', 'x-y', 'close'),
      fc.array(fc.string(), { maxLength: 2 }),
    )
    const fields = fc.array(fc.tuple(names, values)).map((entries) => Object.fromEntries(entries))
    fc.assert(
      fc.property(fields, fields, (stored, notModified) => {
        const once = freshen(stored, notModified)
        expect(freshen(once, notModified)).toEqual(once)
        expect(once.vary).toEqual(stored.vary)
      }),
    )
  })
})

describe('a 304 of a stored response (RFC 9110 §15.4.5)', () => {
  test('keeps every field but those that describe content', () => {
    const kept: FieldMap = {
      'cache-control': 'max-age=60',
      'content-location': '/a',
      date,
      etag: '"a"',
      expires: later,
      'last-modified': date,
      link: ['</a>', '</b>'],
      vary: 'accept',
      'x-frame-options': 'DENY',
    }
    const content: FieldMap = {
      'content-digest': 'd',
      'content-encoding': 'br',
      'content-language': 'en',
      'content-length': '5',
      'content-range': 'bytes 0-4/5',
      'content-type': 'text/html',
      'transfer-encoding': 'chunked',
      trailer: 'x',
      'x-absent': undefined,
    }
    expect({ ...notModifiedFields({ ...content, ...kept }) }).toEqual(kept)
  })
})
