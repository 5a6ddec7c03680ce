import {
  CacheConfigError,
  cacheKey,
  isExpired,
  memory,
  ttlRemaining,
  type ValueCache,
  values,
} from '@stowage/core'
import { asyncBackend, type FakeClock, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

const open = (options: Parameters<typeof values>[1] = {}): { cache: ValueCache; clock: FakeClock } => {
  const clock = fakeClock()
  return { clock, cache: values(memory({ clock }), { clock, ...options }) }
}

describe('values', () => {
  test('are objects in and objects out, never the same object', async () => {
    const { cache } = open()
    const user = { name: 'Ada', roles: ['admin'], nested: { n: null } }
    expect(await cache.set('user:1', user)).toBe(true)
    expect(await cache.get('user:1')).toEqual(user)
    expect(await cache.get('user:1')).not.toBe(user)
    expect(await cache.get('user:2')).toBeUndefined()
  })

  test.each([0, '', false, null, [], 'text\nof\nlines', 'ü💾'])(
    'may be %j, which is told apart from nothing',
    async (value) => {
      const { cache } = open()
      await cache.set('k', value)
      expect(await cache.has('k')).toBe(true)
      expect(await cache.get('k')).toEqual(value)
    },
  )

  test('without a ttl never expire, where the instance has no default', async () => {
    const { cache, clock } = open()
    await cache.set('k', 1)
    clock.advance(10 * 365 * 86_400_000)
    expect(await cache.get('k')).toBe(1)
    expect((await cache.getEntry('k'))?.expiresAt).toBeNull()
  })

  test('take the default ttl of the instance, and null beats it', async () => {
    const { cache, clock } = open({ defaultTtl: '1m' })
    await cache.set('a', 1)
    await cache.set('b', 1, { ttl: null })
    await cache.set('c', 1, { ttl: 120 })
    clock.advance(61_000)
    expect([await cache.get('a'), await cache.get('b'), await cache.get('c')]).toEqual([undefined, 1, 1])
  })

  test.each([0, -1, Number.NaN, '5 m'])('refuse a ttl of %j', async (ttl) => {
    const { cache } = open()
    await expect(cache.set('k', 1, { ttl: ttl as number })).rejects.toMatchObject({
      code: 'CACHE_CONFIG_DURATION',
      received: ttl,
    })
    await expect(cache.has('k')).resolves.toBe(false)
  })

  test('keep metadata, times and sizes beside them', async () => {
    const { cache, clock } = open()
    const now = clock()
    await cache.set('k', 'äb', { ttl: 600, metadata: { endpoint: '/users', version: 2 } })
    const entry = await cache.getEntry<string>('k')
    expect(entry).toEqual({
      key: 'k',
      value: 'äb',
      createdAt: now,
      expiresAt: now + 600_000,
      sizeBytes: Buffer.byteLength('"äb"') + 1,
      metadata: { endpoint: '/users', version: 2 },
    })
  })

  test('expire strictly after their time; what is left is in seconds', () => {
    expect(isExpired({ expiresAt: 1000 }, 1000)).toBe(false)
    expect(isExpired({ expiresAt: 1000 }, 1001)).toBe(true)
    expect(isExpired({ expiresAt: null }, Number.MAX_VALUE)).toBe(false)
    expect([500, 1000, 2000].map((now) => ttlRemaining({ expiresAt: 1000 }, now))).toEqual([0.5, 0, 0])
    expect(ttlRemaining({ expiresAt: null }, 0)).toBeNull()
  })

  test('that a backend refuses as too large are answered with false', async () => {
    const cache = values(memory({ maxBytes: 1000, maxEntryBytes: 500 }))
    expect(await cache.set('k', 'a'.repeat(1000))).toBe(false)
    expect(await cache.get('k')).toBeUndefined()
  })

  test('are deleted, cleared, counted', async () => {
    const { cache } = open()
    await cache.set('a', 1)
    expect([await cache.delete('a'), await cache.delete('a')]).toEqual([true, false])
    expect(await cache.setMany(Array.from({ length: 10 }, (_, i) => [`k${i}`, i] as const))).toBe(10)
    expect(await cache.clear()).toBe(10)
  })

  test('come in batches', async () => {
    const { cache } = open()
    expect(
      await cache.setMany(
        [
          ['a', 1],
          ['b', 2],
          ['c', 3],
        ],
        { ttl: 60 },
      ),
    ).toBe(3)
    expect(await cache.getMany(['a', 'b', 'x'])).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect(await cache.deleteMany(['a', 'b', 'x'])).toBe(2)
  })

  test('are listed by patterns', async () => {
    const { cache } = open()
    for (const key of ['user:1:profile', 'user:2:profile', 'user:123:posts', 'user:123:profile', 'post:1'])
      await cache.set(key, 1)
    const count = async (pattern?: string) => (await cache.listKeys(pattern)).length
    expect([
      await count('user:*'),
      await count('*:profile'),
      await count('user:123:*'),
      await count(),
    ]).toEqual([4, 3, 2, 5])
  })

  test('are counted by the backend', async () => {
    const { cache } = open()
    await cache.set('k', 1)
    await cache.get('k')
    await cache.get('k')
    await cache.get('missing')
    const stats = await cache.stats()
    expect(stats.hits).toBe(2)
    expect(stats.hitRate).toBeCloseTo(0.67, 2)
    expect(String(stats)).toContain('1 entries')
    stats.reset()
    expect([stats.hits, stats.entries]).toEqual([0, 1])
  })

  test('work on four methods and nothing else, and say what cannot be done with those', async () => {
    const clock = fakeClock()
    const cache = values(mockBackend({ clock }), { clock })
    expect(
      await cache.setMany([
        ['a', 1],
        ['b', 2],
      ]),
    ).toBe(2)
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect(await cache.deleteMany(['a', 'c'])).toBe(1)
    await cache.get('a')
    expect(await cache.stats()).toMatchObject({ hits: 2, misses: 2, sets: 2, deletes: 1 })
    await expect(cache.listKeys()).rejects.toMatchObject({ code: 'BACKEND_ERROR', operation: 'keys' })
    await expect(cache.clear()).rejects.toMatchObject({ code: 'BACKEND_ERROR', operation: 'clear' })
  })

  test('deleted together are counted where the backend keeps no counters', async () => {
    const store = memory()
    const cache = values({
      ...mockBackend(),
      set: store.set.bind(store),
      deleteMany: store.deleteMany.bind(store),
    })
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    expect(await cache.deleteMany(['a', 'b', 'c'])).toBe(2)
    expect((await cache.stats()).deletes).toBe(2)
  })

  test('that somebody has damaged, or stored under another key, are not there', async () => {
    const store = memory()
    const cache = values(store)
    await cache.set('a', { secret: 1 })
    const raw = store.get('a') ?? ''
    store.set('b', raw, 60)
    expect(await cache.get('b')).toBeUndefined()
    for (let at = 0; at < raw.length; at++) {
      store.set('a', raw.slice(0, at), 60)
      expect(await cache.get('a')).toBeUndefined()
      store.set('a', `${raw.slice(0, at)}~${raw.slice(at + 1)}`, 60)
      expect(await cache.get('a')).toBeUndefined()
    }
  })

  test('that are damaged are deleted, counted and reported; what is of another form is left alone', async () => {
    const { get, set, delete: remove } = mockBackend()
    const warned: unknown[] = []
    const logger = { debug: () => undefined, info: () => undefined, error: () => undefined }
    const cache = values(
      { get, set, delete: remove, close: () => undefined },
      { logger: { ...logger, warn: (...given: unknown[]) => void warned.push(given) } },
    )
    await cache.set('a', 'value')
    const raw = String(await get('a'))
    await set('a', `${raw}~`, 60)
    expect(await cache.get('a')).toBeUndefined()
    expect(await get('a')).toBeNull()
    expect((await cache.stats()).errors).toBe(1)
    expect(String(warned)).toContain('ENTRY_UNREADABLE')
    await set('b', 'of somebody else', 60)
    expect(await cache.get('b')).toBeUndefined()
    expect(await cache.getOrSet('b', () => 'loaded', { ttl: 60 })).toBe('loaded')
    expect((await cache.stats()).errors).toBe(1)
  })

  test('a backend that fails makes the call reject', async () => {
    const store = mockBackend()
    const cache = values({ ...store, get: () => Promise.reject(new Error('down')) })
    await expect(cache.get('k')).rejects.toThrow('down')
  })

  test('100 calls at once on a store that answers later', async () => {
    const cache = values(asyncBackend(memory()))
    await Promise.all(Array.from({ length: 100 }, (_, i) => cache.set(`k${i}`, i)))
    expect(await Promise.all(Array.from({ length: 100 }, (_, i) => cache.get(`k${i}`)))).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    )
  })
})

describe('keys', () => {
  test('of parts differ where the parts do', async () => {
    const keys = [
      cacheKey('a', 'b'),
      cacheKey('a:b'),
      cacheKey('a\\', 'b'),
      cacheKey('a', '', 'b'),
      cacheKey('a\\:b'),
    ].map(String)
    expect(new Set(keys).size).toBe(keys.length)
    expect(String(cacheKey('user', '7', 'profile'))).toBe('user:7:profile')
    const { cache } = open()
    await cache.set(cacheKey('user', '7'), 1)
    expect(await cache.get('user:7')).toBe(1)
  })
})

describe('serializers', () => {
  test('v8 keeps what JSON does not', async () => {
    const { cache } = open({ serializer: 'v8' })
    const value = {
      at: new Date(5),
      map: new Map([[1, new Set([2])]]),
      bytes: new Uint8Array([1, 2]),
      big: 5n,
    }
    await cache.set('k', value)
    expect(await cache.get('k')).toEqual(value)
  })

  test('of your own', async () => {
    const serializer = {
      encode: (value: unknown) => `<${value}>`,
      decode: (text: string) => text.slice(1, -1),
    }
    const { cache } = open({ serializer })
    await cache.set('k', 'x')
    expect(await cache.get('k')).toBe('x')
  })

  test.each([undefined, () => 1, 5n])('a value without a text is refused: %s', async (value) => {
    const { cache } = open()
    await expect(cache.set('k', value)).rejects.toMatchObject({
      code: 'SERIALIZATION_ERROR',
      operation: 'encode',
    })
  })

  test('a text that cannot be read is said to be one', async () => {
    const store = memory()
    await values(store, { serializer: { encode: () => '{', decode: () => 0 } }).set('k', 1)
    await expect(values(store).get('k')).rejects.toMatchObject({
      code: 'SERIALIZATION_ERROR',
      operation: 'decode',
    })
  })
})

describe('options', () => {
  test('that cannot work are refused at once, with all that is wrong', () => {
    const wrong = { defaultTtl: 0, serializer: 'pickle', namespce: 'x', logger: {} }
    const make = () => values(memory(), wrong as never)
    expect(make).toThrow(CacheConfigError)
    expect(make).toThrow(/namespce.*Did you mean "namespace"[\s\S]*defaultTtl[\s\S]*serializer[\s\S]*logger/)
  })
})
