import * as zlib from 'node:zlib'
import {
  bytesView,
  type CacheBackend,
  CacheConfigError,
  compressed,
  memory,
  metrics,
  namespaced,
  resilient,
  router,
} from '@stowage/core'
import { asyncBackend, backendConformance, chaosBackend, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

const wrappers: readonly [name: string, wrap: (make: () => CacheBackend) => CacheBackend][] = [
  ['namespaced', (make) => namespaced(make(), 'shop')],
  ['router', (make) => router({ '': make(), 'user:': make() })],
  ['metrics', (make) => metrics(make())],
  ['compressed', (make) => compressed(make(), { minBytes: 8 })],
]
const stores: readonly [name: string, make: (clock: () => number) => CacheBackend][] = [
  ['memory()', (clock) => memory({ clock })],
  ['asyncBackend(memory())', (clock) => asyncBackend(memory({ clock }))],
  ['mockBackend()', (clock) => mockBackend({ clock })],
]

for (const [wrapper, wrap] of wrappers)
  for (const [store, make] of stores)
    describe(`${wrapper} on ${store}`, () => {
      backendConformance(
        () => {
          const clock = fakeClock()
          return { backend: wrap(() => make(clock)), clock }
        },
        { test },
      )
    })

const keysOf = async (backend: CacheBackend): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of backend.keys?.() ?? []) keys.push(key)
  return keys.sort()
}

describe('namespaced()', () => {
  test('sees, counts and clears its own keys alone', async () => {
    const store = memory()
    const [a, b] = [namespaced(store, 'a'), namespaced(store, 'a:b')]
    await store.set('c', 'of the store', 60)
    await a.set('b:c', '1', 60)
    await b.set('c', '2', 60)
    expect([await a.get('b:c'), await b.get('c'), await a.get('c')]).toEqual(['1', '2', null])
    expect(await keysOf(a)).toEqual(['b:c'])
    expect(await a.clear?.()).toBe(1)
    expect([await b.get('c'), store.get('c')]).toEqual(['2', 'of the store'])
    await a.tags?.bump(['t'])
    expect(await b.tags?.read(['t'])).toEqual([0])
  })

  test('refuses a name that would be a pattern', () => {
    for (const name of ['', 'a*', 'a?']) expect(() => namespaced(memory(), name)).toThrow(CacheConfigError)
  })

  test('has no capability that the backend lacks', () => {
    for (const name of ['has', 'clear', 'keys', 'tags', 'increment', 'stats'])
      expect(name in namespaced(mockBackend(), 'a')).toBe(false)
  })
})

describe('router()', () => {
  test('goes by the longest prefix, with the invalidation state of the default', async () => {
    const [standard, users, admins] = [memory(), memory(), memory()]
    const backend = router({ '': standard, 'user:': users, 'user:admin:': admins })
    for (const key of ['a', 'user:1', 'user:admin:1']) await backend.set(key, key, 60)
    expect([standard.get('a'), users.get('user:1'), admins.get('user:admin:1')]).toEqual([
      'a',
      'user:1',
      'user:admin:1',
    ])
    expect(await keysOf(backend)).toEqual(['a', 'user:1', 'user:admin:1'])
    expect(await backend.clear?.()).toBe(3)
    expect(backend.tags).toBe(standard.tags)
  })

  test('has what every backend has, and refuses what is none', () => {
    expect('has' in router({ '': memory(), 'a:': mockBackend() })).toBe(false)
    expect(() => router({ 'a:': memory() })).toThrow(
      expect.objectContaining({ code: 'CACHE_CONFIG_BACKEND' }),
    )
    expect(() => router({ '': {} as CacheBackend })).toThrow(CacheConfigError)
  })
})

describe('metrics()', () => {
  test('counts calls, failures and times of each operation, until reset', async () => {
    const chaos = chaosBackend(mockBackend())
    const backend = metrics(chaos)
    await backend.set('a', '1', 60)
    for (const key of ['a', 'a', 'b']) await backend.get(key)
    chaos.chaos.set({ failRate: 1 })
    expect(() => backend.get('a')).toThrow('chaos: get failed')
    const stats = await backend.stats()
    expect(stats.operations.get).toMatchObject({ calls: 4, errors: 1 })
    expect(stats).toMatchObject({ hits: 2, misses: 1, sets: 1, errors: 1 })
    const { p50 = 0, p99 = 0, maxMs = 0, histogram = [] } = stats.operations.get ?? {}
    expect(p50).toBeLessThanOrEqual(p99)
    expect(p99).toBeLessThanOrEqual(maxMs)
    expect(histogram.reduce((sum, { calls }) => sum + calls, 0)).toBe(4)
    expect(JSON.parse(JSON.stringify(stats))).toMatchObject({ operations: { get: { calls: 4 } } })
    stats.reset()
    expect((await backend.stats()).operations).toEqual({})
  })

  test('keeps a histogram of the same size however many calls there are', async () => {
    const backend = metrics(memory())
    for (let i = 0; i < 10_000; i++) backend.get(`key ${i}`)
    expect((await backend.stats()).operations.get?.histogram.length).toBeLessThanOrEqual(30)
  })
})

describe('compressed()', () => {
  const long = 'hello '.repeat(10_000)
  const hasZstd = 'zstdCompress' in zlib

  test.each(['gzip', 'br', ...(hasZstd ? ['zstd' as const] : [])] as const)(
    'shortens by %s',
    async (algorithm) => {
      const store = memory()
      const backend = compressed(store, { algorithm })
      for (const value of [long, '', 'short', '\u0000=odd', `ü${long}\ud83d\ude00`]) {
        await backend.set('a', value, 60)
        expect(await backend.get('a')).toBe(value)
      }
      expect(store.get('a')?.length).toBeLessThan(long.length / 10)
      expect(await compressed(store).get('a')).toMatch(/^ühello/)
    },
  )

  test('refuses zstd where Node has none, and what is no algorithm', () => {
    const making = (algorithm: string) => () => compressed(memory(), { algorithm: algorithm as 'zstd' })
    const refusal = expect.objectContaining({ name: 'CacheConfigError', code: 'CACHE_CONFIG_RANGE' })
    if (hasZstd) expect(making('zstd')).not.toThrow()
    else expect(making('zstd')).toThrow(refusal)
    expect(making('lzma')).toThrow(refusal)
  })

  test('gives back what UTF-8 does not have, however long', async () => {
    const backend = compressed(memory())
    const value = `half \ud800 ${'of a text '.repeat(1000)}`
    await backend.set('key', value, 60)
    expect(await backend.get('key')).toBe(value)
  })

  test('answers at once where nothing is compressed, and reads what was there before', () => {
    const store = memory()
    store.set('old', 'plain', 60)
    const backend = compressed(store)
    expect(backend.get('old')).toBe('plain')
    expect(backend.set('a', 'short', 60)).toBeUndefined()
    expect(store.get('a')).toBe('short')
  })

  test('what is damaged, or would become too long, is a miss', async () => {
    const store = memory()
    const backend = compressed(store, { maxBytes: '1mb' })
    store.set('bomb', `\u0000g${zlib.gzipSync(Buffer.alloc(50 * 1024 * 1024)).toString('base64')}`, 60)
    store.set('torn', '\u0000gAAAA', 60)
    store.set('unknown', '\u0000?', 60)
    for (const key of ['bomb', 'torn', 'unknown']) expect(await backend.get(key)).toBeNull()
    expect(await backend.getMany?.(['bomb', 'torn'])).toEqual(new Map())
  })
})

test.each<[string, (make: () => CacheBackend) => CacheBackend]>([
  ...wrappers,
  ['resilient', (make) => resilient(make(), { fallback: true })],
  [
    'several of them',
    (make) => resilient(compressed(namespaced(metrics(router({ '': resilient(make()) })), 'a'))),
  ],
])('%s hands on under which epoch counts will be compared', async (_name, wrap) => {
  const asked: unknown[] = []
  const store = memory()
  const read = (tags: readonly string[], epoch?: string): readonly number[] => {
    asked.push(epoch)
    return store.tags.read(tags)
  }
  const { get, set, close } = mockBackend()
  const backend = wrap(() => ({ get, set, delete: () => undefined, close, tags: { ...store.tags, read } }))
  await backend.tags?.read(['a'], 'an epoch')
  expect(asked).toEqual(['an epoch'])
})

test('bytesView() keeps every byte, and takes nothing else for bytes', async () => {
  const store = memory()
  const view = bytesView(store)
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  await view.set('a', bytes, 60)
  expect(await view.get('a')).toEqual(bytes)
  store.set('text', 'hello', 60)
  expect([await view.get('text'), await view.get('none')]).toEqual([null, null])
  await view.delete('a')
  expect(await view.get('a')).toBeNull()
  await view.close()
})
