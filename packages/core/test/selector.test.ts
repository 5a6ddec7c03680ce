import { type CacheConfigError, createCache, type Selector } from '@stowage/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { implicitTags, tagOfUrl, userTag } from '../src/entry-tags.ts'
import { invalidationOf } from '../src/selector.ts'

interface Entry {
  readonly url: string
  readonly keyedUrl?: string
  readonly authority?: string
  readonly scheme?: string
  readonly route?: string
  readonly tags?: readonly string[]
}

/** Whether a selector invalidates an entry. */
const covers = (selector: Selector, entry: Entry): boolean => {
  const { url, keyedUrl = url, authority = 'a.example', scheme = 'http', route, tags = [] } = entry
  const carried = new Set([
    ...implicitTags({ scheme, authority, url, keyedUrl }, route),
    ...tags.map(userTag),
  ])
  return invalidationOf(selector).tags.some((tag) => carried.has(tag))
}

const rows: readonly [title: string, selector: Selector, covered: readonly Entry[], not: readonly Entry[]][] =
  [
    [
      'a tag',
      { tags: ['a', 'b'] },
      [
        { url: '/', tags: ['a'] },
        { url: '/', tags: ['x', 'b'] },
      ],
      [{ url: '/a' }, { url: '/', tags: ['A', 'a ', 'ab'] }, { url: '/', route: 'a' }],
    ],
    [
      'a tag that looks like a built-in one',
      { tags: ['*', 'u:/', 'p:/'] },
      [],
      [{ url: '/' }, { url: '/a', tags: ['t:*'] }],
    ],
    [
      'a path on any host',
      { url: '/a' },
      [
        { url: '/a' },
        { url: '/a', authority: 'b.example', scheme: 'https' },
        { url: '/a?utm=1', keyedUrl: '/a' },
      ],
      [{ url: '/' }, { url: '/a/b' }, { url: '/a?b=1' }, { url: '/ab' }],
    ],
    [
      'any spelling that frameworks route to one handler',
      { url: '/A%62/' },
      [{ url: '/ab' }, { url: '/AB' }, { url: '/%61%62' }, { url: '/ab/' }],
      [{ url: '/a' }, { url: '/%25%36%31b' }],
    ],
    [
      'a path with its query, in any order',
      { url: '/a?x=1&y=2' },
      [
        { url: '/a?x=1&y=2' },
        { url: '/a?y=2&x=1' },
        { url: '/a?Y=2&%58=1' },
        { url: '/a?z&x=1&y=2', keyedUrl: '/a?x=1&y=2' },
      ],
      [{ url: '/a' }, { url: '/a?x=1' }, { url: '/a?x=1&y=2&z=3' }],
    ],
    ['an empty query like none', { url: '/a?' }, [{ url: '/a' }, { url: '/a?' }], [{ url: '/a?b' }]],
    ['a path without its fragment', { url: '/a#b' }, [{ url: '/a' }], [{ url: '/a%23b' }]],
    [
      'an absolute URL',
      { url: 'http://A.example:80/a' },
      [{ url: '/a' }, { url: '/a', authority: 'A.EXAMPLE:80' }],
      [
        { url: '/a', scheme: 'https' },
        { url: '/a', authority: 'b.example' },
        { url: '/a', authority: 'a.example:81' },
      ],
    ],
    ['an absolute URL without a path', { url: 'http://a.example?x=1#y' }, [{ url: '/?x=1' }], [{ url: '/' }]],
    [
      'a prefix of whole segments',
      { urlPrefix: '/a' },
      [
        { url: '/a' },
        { url: '/a/' },
        { url: '/A/b' },
        { url: '/a/b/c?d=1' },
        { url: '/a?b' },
        { url: '/%61/b' },
      ],
      [{ url: '/' }, { url: '/ab' }, { url: '/b/a' }, { url: '/a%2Fb' }],
    ],
    [
      'a prefix that ends in a slash',
      { urlPrefix: '/a/' },
      [{ url: '/a' }, { url: '/a/b' }],
      [{ url: '/ab' }],
    ],
    ['the prefix of everything', { urlPrefix: '/' }, [{ url: '/' }, { url: '/a/b' }], []],
    [
      'a route',
      { route: 'GET /a/:id' },
      [{ url: '/x', route: 'GET /a/:id' }],
      [{ url: '/a/1' }, { url: '/a', route: '/a' }],
    ],
    ['all', { all: true }, [{ url: '/' }, { url: '/a', route: 'r', tags: ['t'] }], []],
  ]

test.each(rows)('%s', (_title, selector, covered, not) => {
  for (const entry of covered) expect([entry, covers(selector, entry)]).toEqual([entry, true])
  for (const entry of not) expect([entry, covers(selector, entry)]).toEqual([entry, false])
})

const segment = fc.constantFrom('a', 'b', 'ab', 'A', '%61', '%2f', 'ü', '')
const path = fc.array(segment, { minLength: 1, maxLength: 40 }).map((segments) => `/${segments.join('/')}`)
const loose = (url: string): string =>
  url
    .toLowerCase()
    .replaceAll('%61', 'a')
    .replace(/(?<=.)\/$/, '')

describe('prefixes', () => {
  test('cover all that lies beneath, however deep', () => {
    fc.assert(
      fc.property(path, path, (prefix, rest) => {
        const beneath = `${prefix.endsWith('/') ? prefix.slice(0, -1) : prefix}${rest}`
        expect(covers({ urlPrefix: prefix }, { url: beneath })).toBe(true)
        expect(covers({ urlPrefix: prefix }, { url: prefix })).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('cover nothing else, down to 30 segments', () => {
    const short = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((segments) => `/${segments.join('/')}`)
    fc.assert(
      fc.property(short, short, (prefix, url) => {
        const [within, whole] = [loose(prefix), loose(url)]
        const beneath = within === '/' || whole === within || whole.startsWith(`${within}/`)
        expect(covers({ urlPrefix: prefix }, { url })).toBe(beneath)
      }),
      { numRuns: 2000 },
    )
  })

  test('number no more than 32, and tags are no longer than 256 characters', () => {
    const url = `/${'deep/'.repeat(5000)}?${'q=1&'.repeat(5000)}`
    const tags = implicitTags(
      { scheme: 'http', authority: 'a'.repeat(1000), url, keyedUrl: url },
      'r'.repeat(1000),
    )
    expect(tags.length).toBeLessThanOrEqual(38)
    for (const tag of [...tags, userTag('t'.repeat(1000)), tagOfUrl(url)])
      expect(tag.length).toBeLessThanOrEqual(256)
    expect(userTag('t'.repeat(1000))).not.toBe(userTag('t'.repeat(1001)))
  })
})

describe('what is no selector', () => {
  const cache = createCache()
  const wrong: readonly unknown[] = [
    ...[
      undefined,
      null,
      'users',
      7,
      [],
      {},
      { tag: 'a' },
      { tags: [] },
      { tags: 'a' },
      { tags: [''] },
      { tags: [1] },
    ],
    ...[
      { url: '' },
      { url: 'a' },
      { url: 7 },
      { urlPrefix: 'a' },
      { urlPrefix: 'http://a/b' },
      { route: '' },
    ],
  ]
  test.each(wrong.map((selector) => [selector]))('%j is refused', async (selector) => {
    await expect(cache.invalidate(selector as Selector)).rejects.toMatchObject({
      name: 'CacheConfigError',
      code: 'CACHE_CONFIG_SELECTOR',
      received: selector,
    } satisfies Partial<CacheConfigError>)
  })

  test('an unknown mode is refused', async () => {
    const options = { mode: 'hard' as 'remove' }
    await expect(cache.invalidate({ all: true }, options)).rejects.toMatchObject({
      code: 'CACHE_CONFIG_SELECTOR',
    })
  })
})
