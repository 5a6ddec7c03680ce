import type { CacheOptions, RequestView } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite } from './site.ts'

muteWarnings()

const broken = (): never => {
  throw new Error('broken')
}

describe('a policy function that fails costs the cache, never the request', () => {
  const inFront: readonly [name: string, options: CacheOptions, how: string][] = [
    ['scope', { scope: broken }, 'fwd=bypass; fwd-status=200; detail=policy-error'],
    ['when', { when: broken }, 'fwd=bypass; fwd-status=200; detail=policy-error'],
    ['key.by', { key: { by: { x: broken } } }, 'fwd=bypass; fwd-status=200; detail=policy-error'],
    ['clientDirectives', { clientDirectives: broken }, 'fwd=bypass; fwd-status=200; detail=policy-error'],
    ['ttl', { ttl: broken }, 'fwd=uri-miss; fwd-status=200; detail=policy-error'],
    ['tags', { tags: broken }, 'fwd=uri-miss; fwd-status=200; detail=tags'],
    ['a ttl that is none', { ttl: () => '5 m' as '5m' }, 'fwd=uri-miss; fwd-status=200; detail=policy-error'],
    ['a negative ttl', { ttl: () => -1 }, 'fwd=uri-miss; fwd-status=200; detail=policy-error'],
    [
      'a scope that is no text',
      { scope: () => 7 as unknown as string },
      'fwd=bypass; fwd-status=200; detail=policy-error',
    ],
    [
      'a part that is no text',
      { key: { by: { x: () => ['a'] as unknown as string } } },
      'fwd=bypass; fwd-status=200; detail=policy-error',
    ],
    [
      'tags that are no list',
      { tags: () => 7 as unknown as string[] },
      'fwd=uri-miss; fwd-status=200; detail=tags',
    ],
  ]
  test.each(inFront)('%s', async (_name, options, how) => {
    const site = createSite({ ttl: 60, ...options })
    const errors: string[] = []
    site.cache.on('error', ({ code }) => errors.push(code))
    for (const runs of [1, 2]) {
      expect(await site.get('/a')).toMatchObject({ status: 200, body: 'hello', how: `stowage; ${how}` })
      expect(site.runs).toHaveLength(runs)
    }
    expect(new Set(errors)).toEqual(new Set(['POLICY_FUNCTION']))
  })

  test('a ttl function that fails on a 304 shares nothing', async () => {
    let failing = false
    const ttl = (): number => (failing ? broken() : 60)
    const site = createSite({ ttl })
    await site.get('/a')
    site.clock.advance(61_000)
    failing = true
    site.handler = () => ({ status: 304 })
    expect((await site.get('/a')).body).toBe('hello')
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })

  test('tags that fail on a 304 share nothing: an invalidation could be lost', async () => {
    let failing = false
    const tags = (): string[] => (failing ? broken() : ['a'])
    const site = createSite({ ttl: 60, tags })
    await site.get('/a')
    site.clock.advance(61_000)
    failing = true
    site.handler = () => ({ status: 304 })
    expect((await site.get('/a')).body).toBe('hello')
    expect((await site.get('/a')).how).not.toMatch(/hit/)
  })
})

describe('a policy function', () => {
  test('decides about the lifetime by request and response', async () => {
    const ttl: CacheOptions['ttl'] = (request, response) =>
      request.query('long') === '1' && response.status === 200
        ? '1h'
        : response.header('x-ttl') === 'none'
          ? false
          : 10
    const site = createSite({ ttl }, ({ request }) => ({
      headers: request.url === '/none' ? { 'X-TTL': 'none', 'x-ttl': 'none' } : {},
    }))
    const ttls = []
    for (const url of ['/a?long=1', '/a', '/none'])
      ttls.push((await site.get(url)).how.replace(/.*fwd-status=200; /, ''))
    expect(ttls).toEqual(['ttl=3600; stored', 'ttl=10; stored', 'detail=policy'])
  })

  test('sees the request as it came, at the lookup and once more before its response is stored', async () => {
    const seen: unknown[] = []
    const when = (request: RequestView): boolean => {
      seen.push([
        request.method,
        request.url.href,
        request.header('X-A'),
        request.cookie('a'),
        request.query('b'),
        request.query('c'),
        request.raw,
      ])
      return true
    }
    const site = createSite({ ttl: 60, when })
    await site.get('//evil.example/a?b=1&c=2&c=3', { 'x-a': 'x', cookie: 'a=1; a=2' }, { raw: 'raw' })
    await site.get('/a', {}, { authority: 'not a host' })
    const first = ['GET', 'http://a.example//evil.example/a?b=1&c=2&c=3', 'x', '1; 2', '1', ['2', '3'], 'raw']
    const second = ['GET', 'http://invalid.invalid/a', undefined, undefined, undefined, undefined, undefined]
    expect(seen).toEqual([first, first, second, second])
  })

  test('when: a request that it refuses bypasses', async () => {
    const site = createSite({ ttl: 60, when: (request) => request.header('x-preview') === undefined })
    await site.get('/a')
    expect((await site.get('/a', { 'x-preview': '1' })).how).toBe(
      'stowage; fwd=bypass; fwd-status=200; detail=when',
    )
    expect((await site.get('/a')).how).toMatch(/hit/)
  })

  test('by: parts tell entries apart', async () => {
    const by = { plan: (request: RequestView) => request.header('x-plan') }
    const site = createSite({ ttl: 60, key: { by } }, ({ headers }) => ({ body: String(headers['x-plan']) }))
    for (const turn of [1, 2])
      for (const plan of [undefined, '', 'free', 'paid'])
        expect([turn, (await site.get('/a', plan === undefined ? {} : { 'x-plan': plan })).body]).toEqual([
          turn,
          String(plan),
        ])
    expect(site.runs).toHaveLength(4)
  })
})

describe('QUERY and POST', () => {
  const options: CacheOptions = { ttl: 60, methods: ['GET', 'QUERY', 'POST'], key: { body: 'json' } }
  const body = (text: string) => ({ method: 'QUERY', body: () => ({ bytes: Buffer.from(text) }) })

  test('are answered by what they ask', async () => {
    const site = createSite(options, ({ number }) => ({ body: `run ${number}` }))
    const bodies = ['{"a":1,"b":2}', '{"b":2,"a":1}', '{"a":1}', '{"a":1', '']
    const answers: unknown[] = []
    for (const text of bodies)
      answers.push((await site.get('/a', { 'content-length': '1' }, body(text))).body)
    expect(answers).toEqual(['run 1', 'run 1', 'run 2', 'run 3', 'run 4'])
    expect((await site.get('/a', {}, { ...body('{"a":1}'), method: 'POST' })).body).toBe('run 5')
    expect((await site.get('/a')).body).toBe('run 6')
  })

  test('whose body cannot be had, or is too large, bypass', async () => {
    const site = createSite({ ...options, key: { body: 'bytes', maxBodyBytes: 10 } })
    const limits: number[] = []
    const bodies = [
      undefined,
      (limit: number) => {
        limits.push(limit)
        return undefined
      },
      async () => undefined,
    ]
    for (const read of bodies) {
      const more = read === undefined ? { method: 'POST' } : { method: 'POST', body: read }
      expect((await site.get('/a', {}, more)).how).toBe(
        'stowage; fwd=bypass; fwd-status=200; detail=request-body',
      )
    }
    expect(limits).toEqual([10])
  })

  test('whose body fails to be read bypass', async () => {
    const site = createSite(options)
    const read = (): Promise<never> => Promise.reject(new Error('cut off'))
    expect((await site.get('/a', {}, { method: 'POST', body: read })).how).toMatch(/fwd=bypass/)
  })

  test('of another key rule are unsafe and invalidate', async () => {
    const site = createSite({ ttl: 60 })
    await site.get('/a')
    await site.get('/a', {}, { method: 'POST' })
    expect((await site.get('/a')).how).toMatch(/uri-miss/)
  })
})
