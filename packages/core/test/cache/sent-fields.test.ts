import type { CacheOptions } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { createSite } from './site.ts'

/** The names of the application's own fields in an answer. */
const own = (headers: Readonly<Record<string, string>>): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('x-') || name === 'content-language')

describe('which fields of the handler a hit has', () => {
  const headers = { 'x-a': '1', 'x-b': '2', 'x-request-id': 'r', 'content-language': 'de' }
  test.each<[title: string, options: CacheOptions, kept: readonly string[]]>([
    ['all but those of one exchange', {}, ['x-a', 'x-b', 'content-language']],
    ['no others than those included', { includeHeaders: ['X-B'] }, ['x-b', 'content-language']],
    ['none of those excluded', { excludeHeaders: ['x-B', 'X-Absent'] }, ['x-a', 'content-language']],
    [
      'what is both included and excluded is left out',
      { includeHeaders: ['x-a', 'x-b'], excludeHeaders: ['x-b'] },
      ['x-a', 'content-language'],
    ],
  ])('%s', async (_title, options, kept) => {
    const site = createSite({ ttl: 60, ...options }, () => ({ headers, body: 'a' }))
    expect(own((await site.get('/a')).headers), 'the client of the handler has all').toEqual(
      Object.keys(headers),
    )
    const hit = await site.get('/a')
    expect(hit.how).toBe('stowage; hit; ttl=60')
    expect(own(hit.headers).sort()).toEqual([...kept].sort())
  })
})

describe('status fields that are switched off', () => {
  test('are on no response, whatever became of it; Age stays (RFC 9111 §4)', async () => {
    const site = createSite({ ttl: 60, debug: true, statusHeader: false })
    const answers = [
      await site.get('/a'),
      await site.get('/a'),
      await site.get('/a', {}, { method: 'POST' }),
      await site.get('/b', { 'cache-control': 'only-if-cached' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 504])
    for (const { headers } of answers)
      expect(Object.keys(headers).filter((name) => /cache-status|^x-cache/.test(name))).toEqual([])
    expect(answers[1]?.headers.age).toBe('0')
    expect(site.runs).toHaveLength(2)
  })
})
