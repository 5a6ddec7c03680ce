import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import {
  addedVary,
  mergeVaryValue,
  selectingValues,
  unionVary,
  varyFields,
} from '../../src/semantics/vary.ts'

describe('nominated fields (RFC 9111 §4.1)', () => {
  test.each<[FieldMap, readonly string[] | '*']>([
    [{}, []],
    [{ vary: '' }, []],
    [{ vary: ' , ,' }, []],
    [{ vary: [] }, []],
    [{ vary: 'Accept' }, ['accept']],
    [{ vary: 'Origin, Accept,origin' }, ['accept', 'origin']],
    [{ vary: ['Origin', 'Accept , Cookie'] }, ['accept', 'cookie', 'origin']],
    [{ vary: 'constructor, __proto__' }, ['__proto__', 'constructor']],
    [{ vary: '*' }, '*'],
    [{ vary: ' * ' }, '*'],
    [{ vary: ',*' }, '*'],
    [{ vary: 'Accept, *' }, '*'],
    [{ vary: ['Accept', '*'] }, '*'],
    [{ vary: '*,*' }, '*'],
    [{ vary: '"*"' }, '*'],
    [{ vary: '"Accept, *"' }, '*'],
    [{ vary: 'Accept;q=1' }, '*'],
    [{ vary: 'Accept Cookie' }, '*'],
    [{ vary: 'Accept: Cookie' }, '*'],
    [{ vary: 'Accépt' }, '*'],
    [{ vary: '\u00a0*' }, '*'],
    [{ vary: 'Accept\u000b, Cookie' }, '*'],
    [{ vary: 'Accept\0' }, '*'],
  ])('%j', (headers, expected) => {
    expect(varyFields(headers)).toEqual(expected)
  })
})

describe('selecting values', () => {
  test('are the normalised ones in the order of the fields', () => {
    const headers = { accept: 'TEXT/html', 'x-empty': '', 'accept-encoding': ['br', 'GZIP'] }
    expect(selectingValues(['x-empty', 'accept-encoding', 'origin', 'accept'], headers)).toEqual([
      '',
      'br,gzip',
      undefined,
      'text/html',
    ])
  })

  test('several lines are one list', () => {
    const fields = ['x-list']
    expect(selectingValues(fields, { 'x-list': ['a', 'b'] })).toEqual(
      selectingValues(fields, { 'x-list': 'a,b' }),
    )
  })

  test('a field named like a member of every object is absent', () => {
    expect(selectingValues(['constructor', '__proto__', 'toString'], {})).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('the union of nominated fields', () => {
  test.each([
    [[], [], []],
    [['a'], [], ['a']],
    [[], ['a'], ['a']],
    [
      ['a', 'c'],
      ['b', 'a'],
      ['a', 'b', 'c'],
    ],
  ])('%j and %j', (a, b, expected) => {
    expect(unionVary(a, b)).toEqual(expected)
  })

  test('is the first list itself where the second adds nothing', () => {
    const fields = ['a', 'b']
    expect(unionVary(fields, ['b'])).toBe(fields)
  })
})

describe('a merged Vary value (RFC 9110 §12.5.5)', () => {
  test.each<[string | undefined, string | undefined, string | undefined]>([
    [undefined, undefined, undefined],
    ['', undefined, undefined],
    [' ,', '', undefined],
    ['Origin', undefined, 'Origin'],
    [undefined, 'Accept', 'Accept'],
    ['Origin', 'accept, ORIGIN, Cookie', 'Origin, accept, Cookie'],
    ['Accept , Accept', 'accept', 'Accept'],
    ['*', 'Accept', '*'],
    ['Accept', 'Cookie, *', '*'],
    [undefined, '*', '*'],
    ['a b', 'c', 'a b, c'],
  ])('of %j and %j is %j', (outer, inner, expected) => {
    expect(mergeVaryValue(outer, inner)).toBe(expected)
  })
})

describe('what a Vary value adds to another', () => {
  test.each<[string | undefined, string | undefined, string | undefined]>([
    [undefined, undefined, undefined],
    ['Origin', undefined, undefined],
    ['Origin', 'origin', undefined],
    [undefined, 'Origin', 'Origin'],
    ['Origin', 'ORIGIN, Accept, cookie, accept', 'Accept, cookie'],
    ['Origin', 'Origin, *', '*'],
    ['*', '*', undefined],
    ['*', 'Accept', 'Accept'],
  ])('%j before, %j after: %j', (outer, final, expected) => {
    expect(addedVary(outer, final)).toBe(expected)
  })
})
