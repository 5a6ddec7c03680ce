import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type RequestDirectives,
  type ResponseDirectives,
  requestDirectives,
  responseDirectives,
} from '../../src/semantics/cache-control.ts'
import { cpuTime } from '../cpu-time.ts'

const readRequest = (value: string): RequestDirectives => requestDirectives({ 'cache-control': value })

/** Whether a response with these directives is restricted at least as the intact directive would restrict it. */
const restrictions: Readonly<Record<string, (directives: ResponseDirectives) => boolean>> = {
  'no-store': (d) => d.noStore === true && !(d.mustUnderstand === true && d.damaged === true),
  'no-cache': (d) => d.noCache === true,
  private: (d) => d.private === true,
  'must-revalidate': (d) => d.mustRevalidate === true,
  'proxy-revalidate': (d) => d.proxyRevalidate === true,
  'no-cache="set-cookie"': (d) => d.noCache === true || d.noCache?.includes('set-cookie') === true,
  'private="set-cookie, x-a"': (d) => d.private === true || d.private?.includes('x-a') === true,
  'private=set-cookie': (d) => d.private === true || d.private?.includes('set-cookie') === true,
}
const bare = Object.keys(restrictions).filter((name) => !name.includes('='))
const pick = (names: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...names)

/** The text with the case of each letter chosen anew. */
const anyCase = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) => [...text].map((letter, index) => (upper[index] ? letter.toUpperCase() : letter)).join(''))

const whitespace = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 })
const separator = fc.constantFrom(',', ', ', ' ,\t', ';', '; ', ' ', '\t', ',,', ';,')
const junkUnit = fc.constantFrom(...'aZ09-_=";,\\ \t/:*\u0000\u007f\u00e9\u00ff\u2028')
const junk = fc.oneof(
  fc.string({ unit: junkUnit, maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    'max-age=60',
    'public',
    'x="',
    '"',
    'x="a\\',
    'must-understand',
    's-maxage=60',
    'private="a',
    'é',
  ),
)

/** Quotes and arguments put around or behind a bare name; none of them is a list of field names. */
const quotings = [
  '%',
  '"%"',
  '"%',
  '%"',
  '%=1',
  '%="1"',
  '%=true',
  '%="a b"',
  "%='a'",
  '%=""',
  '%=',
  '%="',
  '%=x"',
  '"%=x"',
  '%;',
  '%:',
  "'%'",
]
const quoted = (name: string): fc.Arbitrary<string> => pick(quotings).map((form) => form.replace('%', name))

/** The name without its hyphens, or with others in their place. */
const respelt = (name: string): fc.Arbitrary<string> =>
  pick(['-', '_', '', '--', '.']).map((by) => name.replaceAll('-', by))

/** Junk, separator, directive, separator, junk. */
const surrounded = (directive: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.option(fc.tuple(junk, separator)),
      whitespace,
      directive,
      whitespace,
      fc.option(fc.tuple(separator, junk)),
    )
    .map(
      ([before, left, text, right, after]) =>
        `${before?.join('') ?? ''}${left}${text}${right}${after?.join('') ?? ''}`,
    )

interface Mutation {
  readonly name: string
  readonly value: string
}
const mutation = (
  names: readonly string[],
  change: (name: string) => fc.Arbitrary<string>,
): fc.Arbitrary<Mutation> => pick(names).chain((name) => change(name).map((value) => ({ name, value })))

const runs = { numRuns: 5000 }

const restricts = (mutations: fc.Arbitrary<Mutation>): void =>
  fc.assert(
    fc.property(mutations, ({ name, value }) => restrictions[name]?.(responseDirectives(value)) === true),
    runs,
  )

describe('every restriction restricts at least as the intact one', () => {
  test('in any case, between any junk and separators', () => {
    restricts(mutation(Object.keys(restrictions), (name) => surrounded(anyCase(name))))
  })

  test('quoted, with arguments and with damaged ends', () => {
    restricts(mutation(bare, (name) => surrounded(anyCase(name).chain(quoted))))
  })

  test('misspelt', () => {
    restricts(mutation(bare, (name) => surrounded(respelt(name).chain(anyCase).chain(quoted))))
  })

  test('with characters that no directive is made of, put anywhere into it or in place of a letter', () => {
    const strange = fc.constantFrom('\u0000', '\u001f', '\u007f', '\u00a0', 'é', 'ö', '\u200b', '\u{1f600}')
    const broken = (name: string): fc.Arbitrary<string> =>
      fc
        .tuple(fc.nat(name.length), fc.nat(1), strange)
        .map(([at, dropped, character]) => name.slice(0, at) + character + name.slice(at + dropped))
    restricts(mutation(bare, (name) => surrounded(broken(name))))
  })

  test('duplicated, qualified and unqualified at once', () => {
    const forms = ['%', '%=""', '%="a"', '%=a', '%="a b"']
    const several = (name: string): fc.Arbitrary<string> =>
      fc
        .tuple(fc.array(fc.constantFrom(...forms)), fc.array(fc.constantFrom(...forms)), separator)
        .map(([before, after, by]) => [...before, '%', ...after].join(by).replaceAll('%', name))
    restricts(mutation(bare, (name) => surrounded(several(name))))
  })

  test('in several lines, whichever of them is damaged', () => {
    const lines = fc.tuple(fc.array(junk), pick(bare), fc.array(junk))
    fc.assert(
      fc.property(lines, ([before, name, after]) => {
        const value = [...before, name, ...after].join(', ')
        return restrictions[name]?.(responseDirectives(value)) === true
      }),
      runs,
    )
  })
})

describe('damage never grants', () => {
  const text = fc.oneof(
    junk,
    fc.string({ unit: junkUnit }),
    surrounded(pick([...bare, 'max-age=60', 'public'])),
  )

  test('text put behind or before a lifetime neither lengthens nor removes it', () => {
    const intact = fc.constantFrom(
      'max-age=60',
      's-maxage=60',
      'max-age=60, s-maxage=30',
      'stale-if-error=60',
    )
    const keys = ['maxAge', 'sMaxage', 'staleIfError'] as const
    fc.assert(
      fc.property(intact, separator, text, fc.boolean(), (value, by, other, first) => {
        const alone = responseDirectives(value)
        const both = responseDirectives(first ? `${other}${by}${value}` : `${value}${by}${other}`)
        return keys.every((key) => alone[key] === undefined || (both[key] ?? Infinity) <= alone[key])
      }),
      runs,
    )
  })

  test('public counts only as an element of its own', () => {
    fc.assert(
      fc.property(text, separator, text, (before, by, after) => {
        const value = `${before}${by}${after}`
        const elements = value.split(',').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase())
        return responseDirectives(value).public !== true || elements.includes('public')
      }),
      runs,
    )
  })

  test('no request value without an intact max-stale accepts a stale response', () => {
    const near = fc.constantFrom(
      'max-stale=x',
      '"max-stale"',
      'max-stale=',
      'max_stale=5',
      'max-stale;',
      'x max-stale',
    )
    fc.assert(
      fc.property(junk, near, junk, (before, value, after) => {
        const directives = readRequest(`${before}, ${value}, ${after}`)
        return directives.maxStale === undefined && directives.onlyIfCached === undefined
      }),
      runs,
    )
  })
})

describe('any text at all', () => {
  test('is read without an exception, twice to the same result', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: junkUnit }),
      surrounded(pick(bare)),
    )
    fc.assert(
      fc.property(text, (value) => {
        expect(responseDirectives(value)).toEqual(responseDirectives(`${value},`.slice(0, -1)))
        const stored = JSON.parse(JSON.stringify(responseDirectives(value)))
        expect(stored).toEqual(responseDirectives(value))
        expect(readRequest(value)).toEqual(readRequest(value))
      }),
      runs,
    )
  })

  const units = [
    'a,',
    'a=,',
    ',',
    '"',
    '"",',
    '"\\',
    '\\"',
    'a b,',
    'private=a,',
    'é,',
    ' ',
    'a  ',
    'n-o-s,',
    '9',
    '=',
    '-',
  ]
  test.each(units)('64 KB of %j are read within 20 ms', (unit) => {
    for (const start of ['', 'private="', 'max-age=', 'x="no-store']) {
      const value = start + unit.repeat(65_536 / unit.length)
      expect(cpuTime(() => responseDirectives(value))).toBeLessThan(20)
    }
  })
})
