import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FieldMap } from '../../src/message.ts'
import type { ResponseDirectives } from '../../src/semantics/cache-control.ts'
import { targetedDirectives } from '../../src/semantics/targeted.ts'

const targets = ['stowage-cache-control', 'cdn-cache-control']

const read = (value: string | readonly string[]): ResponseDirectives | undefined =>
  targetedDirectives({ 'stowage-cache-control': value }, targets)?.directives

describe('which field decides (RFC 9213 §2.2)', () => {
  test.each<[string, FieldMap, string | undefined]>([
    ['none where none is there', { 'cache-control': 'no-store' }, undefined],
    ['the only one', { 'cdn-cache-control': 'max-age=60' }, 'cdn-cache-control'],
    [
      'the first of the target list, whatever the order of the fields',
      { 'cdn-cache-control': 'max-age=60', 'stowage-cache-control': 'max-age=1' },
      'stowage-cache-control',
    ],
    [
      'the next where the first is empty',
      { 'stowage-cache-control': '', 'cdn-cache-control': 'a' },
      'cdn-cache-control',
    ],
    [
      'the next where the first is blank',
      { 'stowage-cache-control': ' ', 'cdn-cache-control': 'a' },
      'cdn-cache-control',
    ],
    [
      'the next where the first does not parse',
      { 'stowage-cache-control': 'Max-Age=60', 'cdn-cache-control': 'a' },
      'cdn-cache-control',
    ],
    ['none where the only one does not parse', { 'cdn-cache-control': 'max-age=60,' }, undefined],
    ['one that holds unknown directives alone', { 'cdn-cache-control': 'none' }, 'cdn-cache-control'],
    ['none that is not on the list', { 'other-cache-control': 'max-age=60' }, undefined],
    ['none that is there without a line', { 'cdn-cache-control': [] }, undefined],
  ])('%s', (_title, headers, field) => {
    expect(targetedDirectives(headers, targets)?.field).toBe(field)
  })

  test('a target may be written in any case', () => {
    expect(targetedDirectives({ 'cdn-cache-control': 'no-store' }, ['CDN-Cache-Control'])).toEqual({
      field: 'cdn-cache-control',
      directives: { noStore: true },
    })
  })

  test('a target named like a member of every object is absent', () => {
    expect(targetedDirectives({}, ['constructor', '__proto__'])).toBeUndefined()
  })
})

describe('intact directives (RFC 9213 §2.1)', () => {
  test.each<[string, ResponseDirectives]>([
    ['none', {}],
    ['max-age=60', { maxAge: 60 }],
    ['max-age=0', { maxAge: 0 }],
    ['max-age=-0', { maxAge: 0 }],
    ['max-age=60;x=1', { maxAge: 60 }],
    ['max-age=999999999999999', { maxAge: 2_147_483_648 }],
    ['s-maxage=5, public', { sMaxage: 5, public: true }],
    ['stale-while-revalidate=30, stale-if-error=600', { staleWhileRevalidate: 30, staleIfError: 600 }],
    ['no-store', { noStore: true }],
    ['no-store=?1', { noStore: true }],
    ['no-store=?0, max-age=1', { maxAge: 1 }],
    ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
    ['must-understand, no-store', { mustUnderstand: true, noStore: true }],
    ['no-transform', { noTransform: true }],
    ['private', { private: true }],
    ['private=?0', {}],
    ['public=?0', {}],
    ['no-cache="Set-Cookie, X-Foo"', { noCache: ['set-cookie', 'x-foo'] }],
    ['private="set-cookie, set-cookie"', { private: ['set-cookie'] }],
    ['max-age=1, max-age=2', { maxAge: 2 }],
    ['no-store, no-store=?0', {}],
    ['constructor=1, immutable', {}],
  ])('%s', (value, expected) => {
    expect(read(value)).toEqual(expected)
  })

  test('several lines are one Dictionary', () => {
    expect(read(['max-age=60', 'private'])).toEqual({ maxAge: 60, private: true })
  })
})

describe('a value of a wrong type', () => {
  test.each<[string, ResponseDirectives]>([
    ['no-store=1', { noStore: true }],
    ['no-store="x"', { noStore: true }],
    ['no-store=(a b)', { noStore: true }],
    ['no-store=false', { noStore: true }],
    ['must-revalidate=0', { mustRevalidate: true }],
    ['proxy-revalidate="?0"', { proxyRevalidate: true }],
    ['no-transform=1', { noTransform: true }],
    ['no-cache=set-cookie', { noCache: true }],
    ['no-cache=""', { noCache: true }],
    ['no-cache="a b"', { noCache: true }],
    ['private=1', { private: true }],
    ['private=("set-cookie")', { private: true }],
    ['private=%"set-cookie"', { private: true }],
    ['max-age', { maxAge: 0 }],
    ['max-age=?0', { maxAge: 0 }],
    ['max-age=60.0', { maxAge: 0 }],
    ['max-age="60"', { maxAge: 0 }],
    ['max-age=-1', { maxAge: 0 }],
    ['max-age=@60', { maxAge: 0 }],
    ['s-maxage=a', { sMaxage: 0 }],
    ['stale-while-revalidate=1.5', { staleWhileRevalidate: 0 }],
    ['stale-if-error', { staleIfError: 0 }],
    ['public=1', {}],
    ['public="x"', {}],
    ['must-understand=1', { mustUnderstand: true }],
    ['must-understand=1, no-store', { noStore: true }],
    ['must-understand, no-store=1', { noStore: true }],
  ])('%s restricts, and permits nothing', (value, expected) => {
    expect(read(value)).toEqual({ ...expected, damaged: true })
  })
})

describe('any input', () => {
  const names = ['no-store', 'private', 'no-cache', 'max-age', 's-maxage', 'public', 'stale-if-error', 'x']
  const values = ['', '=1', '=-1', '=1.5', '="a"', '=a', '=?0', '=?1', '=(1)', '=:AA==:', '=@1', '=%"a"']
  const member = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...values))

  test('a restriction that is not ?0 is never lost, and no lifetime comes from anything but an Integer', () => {
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ([name]) => name }), (members) => {
        const directives = read(members.map(([name, value]) => name + value).join(', ')) ?? {}
        const value = new Map(members)
        const restricts = (name: string): boolean => value.has(name) && value.get(name) !== '=?0'
        expect(directives.noStore === true).toBe(restricts('no-store'))
        expect(directives.private !== undefined).toBe(restricts('private'))
        expect(directives.noCache !== undefined).toBe(restricts('no-cache'))
        expect(directives.maxAge ?? 0).toBe(value.get('max-age') === '=1' ? 1 : 0)
        expect(directives.public === true).toBe(['', '=?1'].includes(value.get('public') ?? 'absent'))
      }),
      { numRuns: 1000 },
    )
  })

  test('arbitrary text never throws and yields no directive that is undefined', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (a, b) => {
        expect(Object.values(read([a, b]) ?? {})).not.toContain(undefined)
      }),
    )
  })
})
