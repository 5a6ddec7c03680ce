import { type CacheBackend, type FieldMap, memory } from '@stowage/core'
import { asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { sealed } from '../stored.ts'
import { muteWarnings } from '../warnings.ts'
import { createSite, type Site } from './site.ts'

muteWarnings()

const fresh: FieldMap = { 'cache-control': 'max-age=60', etag: '"1"' }

/** Answers with where it was asked, so that a wrong answer shows. */
const echoing = (backend: CacheBackend): { readonly site: Site; readonly codes: string[] } => {
  const site = createSite({ backend }, ({ request, headers, number }) => ({
    headers: { ...fresh, vary: 'x-a' },
    body: `${request.url} ${headers['x-a'] ?? '-'} #${number}`,
  }))
  const codes: string[] = []
  site.cache.on('error', ({ code }) => codes.push(code))
  return { site, codes }
}

describe('a backend that fails', () => {
  const rows: readonly [operation: string, code: string][] = [
    ['get', 'BACKEND_READ'],
    ['set', 'BACKEND_WRITE'],
    ['tags.head', 'BACKEND_READ'],
    ['tags.read', 'BACKEND_READ'],
  ]
  const modes = [undefined, 'async'] as const
  test.each(rows.flatMap((row) => modes.map((mode) => [...row, mode] as const)))(
    'to %s is an event %s and a miss (%s)',
    async (operation, code, mode) => {
      const backend = chaosBackend(memory(), mode === undefined ? {} : { mode })
      const { site, codes } = echoing(backend)
      await site.get('/a')
      await site.settled()
      await site.cache.invalidate({ tags: ['another'] })
      backend.chaos.set({ failRate: 1, only: [operation] })
      for (const url of ['/a', '/b', '/b']) {
        expect(await site.get(url)).toMatchObject({ status: 200, body: expect.stringMatching(`^${url} - `) })
        await site.settled()
      }
      expect(new Set(codes)).toEqual(new Set([code]))
      backend.chaos.set({ failRate: 0 })
      await site.get('/b')
      await site.settled()
      expect((await site.get('/b')).how).toMatch(/hit/)
    },
  )

  test('to delete what is unreadable is an event of its own', async () => {
    const backend = chaosBackend(memory(), { only: ['delete'], failRate: 1 })
    const { site, codes } = echoing(backend)
    await site.get('/a')
    for await (const key of backend.keys?.() ?? []) await backend.set(key, 'garbage', 60)
    await site.get('/a')
    expect(codes).toEqual(['ENTRY_UNREADABLE', 'BACKEND_DELETE'])
  })

  test('to be invalidated rejects', async () => {
    const { site } = echoing(chaosBackend(memory(), { only: ['tags.bump'], failRate: 1 }))
    await expect(site.cache.invalidate({ all: true })).rejects.toMatchObject({
      name: 'CacheBackendError',
      code: 'BACKEND_ERROR',
      cause: { message: 'chaos: tags.bump failed' },
    })
  })

  test('at random, in every way but hanging, never fails a request or answers with another one’s response', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const faults = {
        failRate: 0.2,
        corruptRate: 0.2,
        seed,
        ...(seed % 2 === 0 ? { mode: 'async' as const } : {}),
      }
      const { site } = echoing(chaosBackend(memory(), faults))
      const random = createRandom(seed)
      for (let i = 0; i < 500; i++) {
        const [url, value] = [`/${Math.floor(random() * 5)}`, String(Math.floor(random() * 3))]
        const served = await site.get(url, { 'x-a': value })
        expect(served.status).toBe(200)
        expect(served.body).toMatch(new RegExp(`^${url} ${value} #`))
        if (random() < 0.05) site.clock.advance(61_000)
      }
    }
  })
})

describe('a value that is no entry', () => {
  const values: readonly [title: string, value: string][] = [
    ['empty text', ''],
    ['garbage', '\u0000\uffff garbage'],
    ['an entry of another version', sealed('{}\n', 'c9')],
    ['an entry of something else', sealed('{"k":"k"}\n')],
    ['a damaged record of variants', 'v1 00000000\n{}'],
    ['a record of another key', sealed('{"k":"k","v":["a"],"i":[]}', 'v1')],
    ['long garbage', 'c1 00000000\n'.padEnd(1_000_000, 'x')],
  ]
  test.each(values)('(%s) is a miss, an event, and deleted', async (_title, value) => {
    const backend = mockBackend()
    const { site, codes } = echoing({ ...backend, tags: memory().tags })
    site.handler = ({ number }) => ({ headers: fresh, body: `run ${number}` })
    await site.get('/a')
    const [key = ''] = backend.entries.keys()
    backend.set(key, value, 60)
    expect(await site.get('/a')).toMatchObject({ status: 200, body: 'run 2' })
    expect(codes).toEqual(['ENTRY_UNREADABLE'])
    expect(backend.calls).toContainEqual({ operation: 'delete', args: [key] })
    expect((await site.get('/a')).how).toMatch(/hit/)
  })

  test.each([[undefined], [7], [true], [{}], [Buffer.from('a')], [['a']]])(
    '(%j) is a miss',
    async (value) => {
      const { site, codes } = echoing({ ...mockBackend(), get: () => value as unknown as string })
      for (const runs of [1, 2]) {
        expect((await site.get('/a')).body).toBe(`/a - #${runs}`)
        expect((await site.get('/a')).status).toBe(200)
        site.handler = () => ({ headers: fresh, body: `/a - #${runs + 1}` })
      }
      if (value === undefined) expect(codes).toEqual([])
      else expect(new Set(codes)).toEqual(new Set(['BACKEND_READ']))
    },
  )

  test('thenables are awaited, whoever made them', async () => {
    const backend = mockBackend()
    const lazily = <T>(value: T): Promise<T> =>
      // biome-ignore lint/suspicious/noThenProperty: a promise of another library
      ({ then: (resolve: (value: T) => void) => resolve(value) }) as unknown as Promise<T>
    const { site } = echoing({
      ...backend,
      get: (key) => lazily(backend.get(key)),
      set: (key, value, ttl) => lazily(backend.set(key, value, ttl)),
    })
    await site.get('/a')
    await site.settled()
    expect((await site.get('/a')).how).toMatch(/hit/)
  })
})

describe('replies that are shifted', () => {
  /** Every answer to `get` is that to the `get` before. */
  const shifting = (backend: CacheBackend): CacheBackend & { shift: boolean } => {
    let last: string | null = null
    const shifted = {
      ...backend,
      shift: false,
      get: (key: string) => {
        const answer = backend.get(key) as string | null
        const before = last
        last = answer
        return shifted.shift ? before : answer
      },
      set: (key: string, value: string, ttl: number) => backend.set(key, value, ttl),
      delete: (key: string) => backend.delete(key),
      close: () => backend.close(),
    }
    return shifted
  }

  test('never answer a request with the response of another', async () => {
    for (const tags of [memory().tags, undefined]) {
      const store = mockBackend()
      const backend = shifting(tags === undefined ? store : { ...store, tags })
      const { site, codes } = echoing(backend)
      const urls = ['/a', '/b', '/c', '/d']
      const values = ['1', '2']
      const round = async (): Promise<void> => {
        for (const url of urls)
          for (const value of values)
            expect((await site.get(url, { 'x-a': value })).body).toMatch(new RegExp(`^${url} ${value} #`))
      }
      await round()
      await round()
      expect(site.runs).toHaveLength(8)
      backend.shift = true
      for (let i = 0; i < 5; i++) await round()
      expect(codes).toContain('ENTRY_UNREADABLE')
      expect(new Set(codes)).toEqual(new Set(['ENTRY_UNREADABLE']))
    }
  })

  test('nor does a store whose values have changed places', async () => {
    const backend = mockBackend()
    const { site } = echoing({ ...backend, tags: memory().tags })
    const urls = Array.from({ length: 20 }, (_, i) => `/${i}`)
    for (const url of urls) await site.get(url)
    const keys = [...backend.entries.keys()]
    const values = keys.map((key) => backend.get(key))
    for (const [index, key] of keys.entries()) backend.set(key, values[(index + 7) % keys.length] ?? '', 60)
    for (const url of urls) expect((await site.get(url)).body).toMatch(new RegExp(`^${url} - #`))
    expect(site.runs).toHaveLength(40)
  })
})

test('a store that answers late answers nobody else', async () => {
  const backend = asyncBackend(memory())
  const delays = createRandom(7)
  const slow: CacheBackend = {
    ...mockBackend(),
    get: async (key) => {
      for (let i = delays() * 10; i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
      return backend.get(key)
    },
    set: async (key, value, ttl) => {
      for (let i = delays() * 10; i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
      return backend.set(key, value, ttl)
    },
  }
  const { site } = echoing(slow)
  const requests = Array.from({ length: 400 }, (_, i) => ({ url: `/${i % 7}`, value: String(i % 3) }))
  const bodies = await Promise.all(requests.map(({ url, value }) => site.get(url, { 'x-a': value })))
  for (const [index, { url, value }] of requests.entries())
    expect(bodies[index]?.body).toMatch(new RegExp(`^${url} ${value} #`))
  await site.settled()
})
