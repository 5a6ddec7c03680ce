import { type FieldMap, memory } from '@stowage/core'
import { asyncBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Handler, type Site } from './site.ts'

muteWarnings()

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

/** Answers with what it varies by, and the number of its run. */
const varyingBy =
  (vary: string, ...names: string[]): Handler =>
  ({ headers, number }) => ({
    headers: { ...fresh, vary },
    body: `${names.map((name) => headers[name] ?? '-').join(' ')} #${number}`,
  })

/** The first words of what several requests are answered with, twice over: from the handler and from the store. */
const bodies = async (site: Site, requests: readonly FieldMap[]): Promise<string[]> => {
  const list: string[] = []
  for (const headers of requests) list.push((await site.get('/a', headers)).body ?? '')
  return list
}

describe('a response that varies (RFC 9111 §4.1)', () => {
  test('is reused for requests with the same selecting fields alone', async () => {
    const site = createSite({}, varyingBy('Accept-Language', 'accept-language'))
    const requests = [{ 'accept-language': 'de' }, { 'accept-language': 'fr' }, {}, { 'accept-language': '' }]
    const first = await bodies(site, requests)
    expect(await bodies(site, requests)).toEqual(first)
    expect(site.runs).toHaveLength(4)
    expect((await site.get('/a', { 'accept-language': 'it' })).how).toMatch(/fwd=vary-miss/)
  })

  test('values that mean the same are the same', async () => {
    const site = createSite({}, varyingBy('accept-encoding'))
    await bodies(site, [
      { 'accept-encoding': 'gzip, br' },
      { 'accept-encoding': 'BR,gzip;q=1.0' },
      { 'accept-encoding': ['br', 'gzip'] },
    ])
    expect(site.runs).toHaveLength(1)
  })

  test('by several fields needs all of them equal', async () => {
    const site = createSite({}, varyingBy('x-a, x-b', 'x-a', 'x-b'))
    const requests = [{ 'x-a': '1' }, { 'x-b': '1' }, { 'x-a': '1', 'x-b': '1' }, { 'x-a': '1 x-b: 1' }]
    const first = await bodies(site, requests)
    expect(await bodies(site, requests)).toEqual(first)
    expect(site.runs).toHaveLength(4)
  })

  test('by what the handler named for it', async () => {
    const site = createSite({ ttl: 60 }, ({ headers, forward }) => {
      forward.handler.vary('X-Plan')
      return { body: headers['x-plan'] as string }
    })
    await site.get('/a', { 'x-plan': 'free' })
    const served = await site.get('/a', { 'x-plan': 'paid' })
    expect([served.body, served.headers.vary]).toEqual(['paid', 'x-plan'])
    expect((await site.get('/a', { 'x-plan': 'free' })).how).toMatch(/hit/)
  })

  test('by fields that the handler forgot to name: a coding, an origin', async () => {
    const site = createSite({ ttl: 60 }, ({ headers }) => ({
      headers: headers.origin === undefined ? {} : { 'access-control-allow-origin': headers.origin },
      body: String(headers.origin),
    }))
    const requests = [{ origin: 'https://a' }, { origin: 'https://b' }, {}]
    expect(await bodies(site, requests)).toEqual(['https://a', 'https://b', 'undefined'])
    expect(await bodies(site, requests)).toEqual(['https://a', 'https://b', 'undefined'])
    const coded = createSite({ ttl: 60 }, () => ({ headers: { 'content-encoding': 'gzip' }, body: 'x' }))
    await coded.get('/a', { 'accept-encoding': 'gzip' })
    expect((await coded.get('/a')).how).toMatch(/vary-miss/)
  })

  test('fields of the key are named in Vary for the caches behind', async () => {
    const site = createSite({ ttl: 60, key: { headers: ['x-plan'], cookies: ['theme'] } })
    for (const served of [await site.get('/a'), await site.get('/a')])
      expect(served.headers.vary).toBe('x-plan, cookie')
  })
})

describe('when what a response varies by changes', () => {
  test('from nothing to a field: nobody gets the unvarying one any more', async () => {
    const site = createSite({}, () => ({ headers: { 'cache-control': 'max-age=10' }, body: 'old' }))
    await site.get('/a', { 'x-a': '1' })
    site.clock.advance(11_000)
    site.handler = varyingBy('x-a', 'x-a')
    expect(await bodies(site, [{ 'x-a': '1' }, { 'x-a': '2' }, { 'x-a': '1' }, {}])).toEqual([
      '1 #2',
      '2 #3',
      '1 #2',
      '- #4',
    ])
  })

  test('from one field to another: both count from then on', async () => {
    const site = createSite({}, varyingBy('x-a', 'x-a', 'x-b'))
    await bodies(site, [{ 'x-a': '1', 'x-b': '1' }])
    site.handler = varyingBy('x-b', 'x-a', 'x-b')
    await bodies(site, [{ 'x-a': '2', 'x-b': '1' }])
    const requests = ['11', '12', '21', '22'].map(([a, b]) => ({ 'x-a': a, 'x-b': b }))
    const first = await bodies(site, requests)
    expect(first.map((body) => body.slice(0, 3))).toEqual(['1 1', '1 2', '2 1', '2 2'])
    expect(await bodies(site, requests)).toEqual(first)
  })

  test('from a field to nothing: entries stay apart, and right', async () => {
    const site = createSite({}, varyingBy('x-a', 'x-a'))
    await bodies(site, [{ 'x-a': '1' }, { 'x-a': '2' }])
    site.clock.advance(61_000)
    site.handler = ({ number }) => ({ headers: fresh, body: `all #${number}` })
    const requests = [{ 'x-a': '1' }, { 'x-a': '2' }]
    const first = await bodies(site, requests)
    expect(await bodies(site, requests)).toEqual(first)
  })

  test('to *: it is stored no more', async () => {
    const site = createSite({}, varyingBy('x-a', 'x-a'))
    await bodies(site, [{ 'x-a': '1' }])
    site.clock.advance(61_000)
    site.handler = varyingBy('*', 'x-a')
    expect(await bodies(site, [{ 'x-a': '1' }, { 'x-a': '1' }])).toEqual(['1 #2', '1 #3'])
  })
})

describe('variants of one response are bounded', () => {
  test.each([
    ['memory()', (clock: () => number) => memory({ clock })],
    ['asyncBackend(memory())', (clock: () => number) => asyncBackend(memory({ clock }))],
  ])('by 64: the oldest go, with an event: %s', async (_name, create) => {
    const store = createSite().clock
    const backend = create(store)
    const site = createSite({ backend }, varyingBy('x-a', 'x-a'))
    const codes: string[] = []
    site.cache.on('error', ({ code }) => codes.push(code))
    const count = async (): Promise<number> => {
      let keys = 0
      for await (const _ of backend.keys?.() ?? []) keys++
      return keys
    }
    for (let i = 0; i < 64; i++) await site.get('/a', { 'x-a': String(i) })
    await site.settled()
    expect([await count(), codes]).toEqual([65, []])
    for (let i = 64; i < 200; i++) await site.get('/a', { 'x-a': String(i) })
    await site.settled()
    expect(await count()).toBe(65)
    expect(new Set(codes)).toEqual(new Set(['VARIANTS_EXCEEDED']))
    expect((await site.get('/a', { 'x-a': '0' })).how).toMatch(/vary-miss/)
    expect((await site.get('/a', { 'x-a': '199' })).how).toMatch(/hit/)
  })

  test('also where they are filled at the same time', async () => {
    const backend = asyncBackend(memory())
    const site = createSite({ backend }, varyingBy('x-a', 'x-a'))
    await Promise.all(Array.from({ length: 500 }, (_, i) => site.get('/a', { 'x-a': String(i) })))
    await site.settled()
    await new Promise((resolve) => setTimeout(resolve, 20))
    let keys = 0
    for await (const _ of backend.keys?.() ?? []) keys++
    expect(keys).toBeLessThanOrEqual(65)
    const fresh = await Promise.all(
      Array.from({ length: 500 }, (_, i) => site.get('/a', { 'x-a': String(i) })),
    )
    for (const [i, { body }] of fresh.entries()) expect(body).toMatch(new RegExp(`^${i} #`))
  })
})
