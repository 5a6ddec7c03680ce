import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../src/glob.ts'

describe('matchesGlob', () => {
  test.each<[string, string, boolean]>([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything at all\n', true],
    ['**', 'a', true],
    ['?', 'a', true],
    ['?', '', false],
    ['?', 'ab', false],
    ['??', 'ab', true],
    ['?*', 'a', true],
    ['*?', '', false],
    ['user:*', 'user:1', true],
    ['user:*', 'user:', true],
    ['user:*', 'User:1', false],
    ['user:*', 'a user:1', false],
    ['*:profile', 'user:1:profile', true],
    ['*:profile', 'user:1:profiles', false],
    ['user:*:profile', 'user:profile', false],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXcXb', false],
    ['*aab', 'aaaaab', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['[ab]', '[ab]', true],
    ['a\\*', 'a\\b', true],
    ['(a+)+$', '(a+)+$', true],
    ['?', '😀', true],
    ['??', '😀', false],
    ['*?', '😀', true],
    ['*😀', 'a😀', true],
  ])('%j on %j: %s', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected)
  })

  test('agrees with the definition written as recursion', () => {
    const matches = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === ''
      const rest = pattern.slice(1)
      if (pattern[0] === '*') return matches(rest, text) || (text !== '' && matches(pattern, text.slice(1)))
      return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && matches(rest, text.slice(1))
    }
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 10 })
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        expect(matchesGlob(p, t)).toBe(matches(p, t))
      }),
      { numRuns: 2000 },
    )
  })

  test('many stars on a long text that almost matches take no time', () => {
    const started = performance.now()
    expect(matchesGlob(`${'*a'.repeat(100)}*b`, 'a'.repeat(65_536))).toBe(false)
    expect(matchesGlob(`${'?*'.repeat(100)}b`, 'a'.repeat(65_536))).toBe(false)
    expect(performance.now() - started).toBeLessThan(200)
  })
})
