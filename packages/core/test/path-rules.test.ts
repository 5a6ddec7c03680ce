import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesSegments, pathGlob } from '../src/path-glob.ts'
import { PathRules } from '../src/path-rules.ts'

const rulesOf = (patterns: readonly string[], paths: { include?: string[]; exclude?: string[] } = {}) =>
  new PathRules({
    rules: patterns.map((text) => ({ glob: pathGlob(text), layers: [], source: text })),
    includePaths: paths.include?.map(pathGlob),
    excludePaths: (paths.exclude ?? []).map(pathGlob),
  })

const sourceOf = (rules: PathRules, path: string): string => {
  const match = rules.match(path)
  return match === undefined ? 'none' : match === 'off' ? 'off' : match.source
}

describe('the most specific rule counts', () => {
  const rules = rulesOf([
    '/**',
    '/docs/**',
    '/docs/*',
    '/docs/a*',
    '/docs/api',
    '/docs/*/new',
    '/docs/api/new',
  ])
  test.each([
    ['/', '/**'],
    ['/other/path', '/**'],
    ['/docs', '/docs/**'],
    ['/docs/x/y', '/docs/**'],
    ['/docs/x', '/docs/*'],
    ['/docs/abc', '/docs/a*'],
    ['/docs/api', '/docs/api'],
    ['/docs/v1/new', '/docs/*/new'],
    ['/docs/api/new', '/docs/api/new'],
  ])('%s goes by %s', (path, source) => {
    expect(sourceOf(rules, path)).toBe(source)
    expect(sourceOf(rules, path)).toBe(source)
  })
})

describe('a spelling that some router takes for the same path', () => {
  const spellings = [
    '/Admin',
    '/admin/',
    '//admin',
    '/%61dmin',
    '/%2561dmin',
    '/./admin',
    '/x/../admin',
    '/admin;v=1',
    '/admin#x',
    '/\\admin',
    '/x/%2e%2e/admin',
  ]
  test.each(spellings)('%s does not evade an exclusion', (path) => {
    expect(sourceOf(rulesOf(['/**'], { exclude: ['/admin'] }), path)).toBe('off')
  })
  test.each(spellings)('%s is not cached by a wider rule, where a narrower one is for the path', (path) => {
    expect(sourceOf(rulesOf(['/**', '/admin']), path)).toBe('off')
  })
  test.each(spellings)(
    '%s is not opted in by a rule for the path, which a router may take for another',
    (path) => {
      expect(sourceOf(rulesOf(['/admin']), path)).toBe('off')
    },
  )
  test.each(spellings)('%s is not among the paths that are included', (path) => {
    expect(sourceOf(rulesOf([], { include: ['/admin'] }), path)).toBe('off')
  })
  test.each(['/docs/%20x', '/docs/A', '/docs/x/', '/docs//x'])('%s goes by the rule of all below', (path) => {
    expect(sourceOf(rulesOf(['/docs/**']), path)).toBe('/docs/**')
  })
})

test('with and without a slash at the end may both be stated', () => {
  const rules = rulesOf(['/a', '/a/'])
  expect([sourceOf(rules, '/a'), sourceOf(rules, '/a/')]).toEqual(['/a', '/a/'])
})

/** The plain definition, with as many steps as it takes. */
const naive = (pattern: readonly string[], segments: readonly string[]): boolean => {
  const [first, ...rest] = pattern
  if (first === undefined) return segments.length === 0
  if (first === '**')
    return naive(rest, segments) || (segments.length > 0 && naive(pattern, segments.slice(1)))
  return segments.length > 0 && (first === '*' || first === segments[0]) && naive(rest, segments.slice(1))
}

test('segments match as they are defined to', () => {
  const segment = fc.constantFrom('a', 'b', '*', '**')
  const letters = fc.constantFrom('a', 'b')
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 6 }), fc.array(letters, { maxLength: 8 }), (pattern, path) => {
      expect(matchesSegments(pattern, path)).toBe(naive(pattern, path))
    }),
  )
})

test('no path of any kind makes matching slow or throws', () => {
  const rules = rulesOf(Array.from({ length: 20 }, (_, at) => `/**/a*a*a*b/**/${at}`))
  fc.assert(fc.property(fc.string(), (path) => void rules.match(`/${path}`)))
  const began = process.cpuUsage().user
  rules.match(`/${'a/'.repeat(4000)}`)
  rules.match(`/${'a'.repeat(8000)}`)
  rules.match(`/${'%25'.repeat(3000)}61`)
  expect((process.cpuUsage().user - began) / 1000).toBeLessThan(1000)
})
