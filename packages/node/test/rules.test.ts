import { CacheConfigError } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { fastify as Fastify } from 'fastify'
import Koa from 'koa'
import { describe, expect, test } from 'vitest'
import { serveCached } from './cached.ts'
import { ask } from './plain.ts'

const policies = { catalogue: { ttl: '5m', tags: ['catalogue'], downstream: { browser: '10s' } } } as const
const rules = { '/items/**': 'catalogue', '/items/*/price': '30s', '/health': false } as const

/** What a second request is told of the cache, by path; the handler says nothing of freshness. */
const secondAnswers = async (
  options: Parameters<typeof cached>[1],
  paths: readonly string[],
): Promise<Record<string, string>> => {
  const { port } = await serveCached((_request, response) => void response.end('text'), {
    clock: fakeClock(),
    ...options,
  } as never)
  const told: Record<string, string> = {}
  for (const path of paths) {
    await ask(port, path)
    told[path] = (await ask(port, path)).cache
  }
  return told
}

describe('in front of a listener that has no routes', () => {
  test('rules by path say what is kept, the most specific one first, and the rest is the handler’s', async () => {
    const told = await secondAnswers({ policies, rules }, ['/items/7', '/items/7/price', '/health', '/other'])
    expect(told).toEqual({
      '/items/7': 'stowage; hit; ttl=300',
      '/items/7/price': 'stowage; hit; ttl=30',
      '/health': 'stowage; fwd=bypass; fwd-status=200; detail=policy',
      '/other': expect.stringContaining('fwd=uri-miss; fwd-status=200; detail='),
    })
  })

  test('nothing beside includePaths is cached, and of excludePaths nothing', async () => {
    const limits = { includePaths: ['/docs/**', '/items/**'], excludePaths: ['/docs/drafts/**'] }
    const told = await secondAnswers({ ttl: '1m', ...limits }, [
      '/docs/a',
      '/items/7',
      '/docs/drafts/a',
      '/b',
    ])
    expect(told).toEqual({
      '/docs/a': 'stowage; hit; ttl=60',
      '/items/7': 'stowage; hit; ttl=60',
      '/docs/drafts/a': 'stowage; fwd=bypass; fwd-status=200; detail=policy',
      '/b': 'stowage; fwd=bypass; fwd-status=200; detail=policy',
    })
  })

  test('what a rule tells browsers is told, and its own lifetime is not', async () => {
    const { port } = await serveCached((_request, response) => void response.end('text'), { policies, rules })
    for (const turn of [1, 2]) {
      const { lines } = await ask(port, '/items/7')
      const told = lines.filter((line) => line.startsWith('cache-control: '))
      expect(told, `${turn}`).toEqual(['cache-control: max-age=10'])
    }
  })

  test('routes() lists options, included paths, rules with the policies they name, and excluded paths', () => {
    const handler = cached(() => undefined, {
      ttl: '1m',
      policies,
      rules,
      includePaths: ['/items/**', '/health'],
      excludePaths: ['/items/drafts/**'],
    })
    const listed = handler.routes().map(({ method, route, source }) => `${method} ${route} by ${source}`)
    expect(listed).toEqual([
      '* /** by options',
      '* /items/** by includePaths',
      '* /health by includePaths',
      '* /items/*/price by rule /items/*/price',
      '* /health by rule /health',
      '* /items/** by rule /items/**, policy catalogue',
      '* /items/drafts/** by excludePaths',
    ])
    const policyOf = (source: string) => handler.routes().find((info) => info.source === source)?.policy
    expect(policyOf('rule /items/**, policy catalogue')).toMatchObject({ ttl: 300, tags: ['catalogue'] })
    expect(policyOf('rule /health')).toBe(false)
    expect(policyOf('excludePaths')).toBe(false)
  })

  test('a rule for a policy that is not defined is refused where it is stated', () => {
    const wrong = () => cached(() => undefined, { policies, rules: { '/items': 'catalog' } } as never)
    expect(wrong).toThrow(CacheConfigError)
    expect(wrong).toThrow('policy "catalog" is not defined. Defined: "catalogue"')
  })

  test.each([
    ['nothing', undefined, undefined],
    ['a Koa application', new Koa(), 'app.callback()'],
    ['a Fastify instance', Fastify(), 'Fastify({ serverFactory })'],
  ])('so is %s for a listener, with what is wrong in the options', (_name, listener, hint) => {
    const wrong = () => cached(listener as never, { tll: 60 } as never)
    expect(wrong).toThrow('unknown option "tll"')
    const meant = hint === undefined ? '' : ` Did you mean ${hint}?`
    expect(wrong).toThrow(`cached: listener must be a function of request and response.${meant}`)
  })
})

describe('what the application says of one response', () => {
  test('by a targeted field counts for this cache alone, over the rule for its path', async () => {
    const { port } = await serveCached(
      (_request, response) => {
        response.setHeader('Stowage-Cache-Control', 'max-age=7')
        response.end('text')
      },
      { policies, rules, clock: fakeClock() },
    )
    const first = await ask(port, '/items/7')
    expect(first.lines.join()).not.toContain('stowage-cache-control')
    expect((await ask(port, '/items/7')).cache).toBe('stowage; hit; ttl=7')
  })

  test('by request.cache counts over both', async () => {
    const { port, handler } = await serveCached(
      (request, response) => {
        request.cache?.ttl('9s').tag('seven')
        response.setHeader('Stowage-Cache-Control', 'max-age=7')
        response.end('text')
      },
      { policies, rules, clock: fakeClock() },
    )
    await ask(port, '/items/7')
    expect((await ask(port, '/items/7')).cache).toBe('stowage; hit; ttl=9')
    await handler.invalidate({ tags: ['seven'] })
    expect((await ask(port, '/items/7')).cache).toContain('fwd=uri-miss')
  })
})
