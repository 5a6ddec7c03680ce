import { type CacheBackend, createCache, memory, type ValueCache, values } from '@stowage/core'
import { asyncBackend, chaosBackend, type FakeClock, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'

muteWarnings()

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))

type Subject = Pick<ValueCache, 'getOrSet' | 'invalidate'>

const makers: readonly (readonly [string, (clock: FakeClock, backend?: CacheBackend) => Subject])[] = [
  ['values()', (clock, backend = memory({ clock })) => values(backend, { clock })],
  ['a cache', (clock, backend = memory({ clock })) => createCache({ backend, clock })],
  ['values() on a store that answers later', (clock) => values(asyncBackend(memory({ clock })), { clock })],
  ['a cache on four methods', (clock) => createCache({ backend: mockBackend({ clock }), clock })],
]

describe.each(makers)('getOrSet of %s', (_name, make) => {
  const open = () => {
    const clock = fakeClock()
    let runs = 0
    return { clock, cache: make(clock), load: async () => ({ run: ++runs }), runs: () => runs }
  }

  test('loads once, and again when the lifetime is over', async () => {
    const { clock, cache, load } = open()
    for (let i = 0; i < 3; i++) expect(await cache.getOrSet('k', load, { ttl: 60 })).toEqual({ run: 1 })
    clock.advance(60_000)
    expect(await cache.getOrSet('k', load, { ttl: 60 })).toEqual({ run: 2 })
  })

  test('loads once for concurrent calls', async () => {
    const { cache, load, runs } = open()
    const all = await Promise.all(Array.from({ length: 1000 }, () => cache.getOrSet('k', load)))
    expect(new Set(all.map(({ run }) => run))).toEqual(new Set([1]))
    expect(runs()).toBe(1)
  })

  test('a load that fails fails all that wait for it, and nothing is kept of it', async () => {
    const { cache, load } = open()
    let failures = 0
    const failing = async (): Promise<never> => {
      failures++
      await nextTurn()
      throw new Error('down')
    }
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => cache.getOrSet('k', failing)))
    expect(all.every(({ status }) => status === 'rejected')).toBe(true)
    expect(failures).toBe(1)
    expect(await cache.getOrSet('k', load)).toEqual({ run: 1 })
  })

  test('hands out the stale value within its window while one refresh runs', async () => {
    const { clock, cache, load, runs } = open()
    const get = () => cache.getOrSet('k', load, { ttl: 60, staleWhileRevalidate: 30 })
    await get()
    clock.advance(61_000)
    expect(await Promise.all([get(), get(), get()])).toEqual([{ run: 1 }, { run: 1 }, { run: 1 }])
    while (runs() < 2) await nextTurn()
    await nextTurn()
    expect(await get()).toEqual({ run: 2 })
    clock.advance(91_000)
    expect(await get()).toEqual({ run: 3 })
  })

  test('a stale value stands in for a load that fails, for its window and no longer', async () => {
    const { clock, cache, load } = open()
    const fail = () => Promise.reject(new Error('down'))
    const policy = { ttl: 60, staleIfError: 30 }
    await cache.getOrSet('k', load, policy)
    clock.advance(89_000)
    expect(await cache.getOrSet('k', fail as typeof load, policy)).toEqual({ run: 1 })
    clock.advance(2000)
    await expect(cache.getOrSet('k', fail, policy)).rejects.toThrow('down')
  })

  test('a load says its lifetime and tags, and sees what it replaces', async () => {
    const { clock, cache } = open()
    const seen: unknown[] = []
    const get = () =>
      cache.getOrSet<number>(
        'k',
        (context) => {
          seen.push(context.stale)
          context.ttl('10s')
          context.tag('users')
          return seen.length
        },
        { staleIfError: 60 },
      )
    await get()
    clock.advance(11_000)
    expect(await get()).toBe(2)
    expect(seen).toEqual([undefined, 1])
    await cache.invalidate({ tags: ['users'] })
    expect(await get()).toBe(3)
    expect(seen[2]).toBeUndefined()
  })

  test.each([[{ tags: ['users'] }], [{ key: 'k' }], [{ all: true }]] as const)(
    'is invalidated by %j',
    async (selector) => {
      const { cache, load } = open()
      const get = () => cache.getOrSet('k', load, { tags: ['users'] })
      await get()
      await cache.invalidate({ tags: ['others'] })
      expect(await get()).toEqual({ run: 1 })
      await cache.invalidate(selector)
      expect(await get()).toEqual({ run: 2 })
    },
  )

  test('a soft invalidation leaves the windows, which count from then', async () => {
    const { clock, cache, load, runs } = open()
    const get = () => cache.getOrSet('k', load, { ttl: 600, staleWhileRevalidate: 10, tags: ['users'] })
    await get()
    await cache.invalidate({ tags: ['users'] }, { mode: 'stale' })
    expect(await get()).toEqual({ run: 1 })
    while (runs() < 2) await nextTurn()
    await nextTurn()
    expect(await get()).toEqual({ run: 2 })
    await cache.invalidate({ tags: ['users'] }, { mode: 'stale' })
    const failing = () =>
      cache.getOrSet('k', () => Promise.reject(new Error('down')), {
        ttl: 600,
        staleWhileRevalidate: 10,
        tags: ['users'],
      })
    expect(await failing()).toEqual({ run: 2 })
    clock.advance(11_000)
    await expect(failing()).rejects.toThrow('down')
  })

  test('a call that comes after an invalidation does not get what was being loaded before it', async () => {
    const { cache } = open()
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let runs = 0
    const load = async () => {
      const run = ++runs
      if (run === 1) await held
      return run
    }
    const before = cache.getOrSet('k', load, { tags: ['t'] })
    while (runs < 1) await nextTurn()
    await cache.invalidate({ tags: ['t'] })
    const after = Promise.all(Array.from({ length: 10 }, () => cache.getOrSet('k', load, { tags: ['t'] })))
    release()
    expect(await before).toBe(1)
    expect(new Set(await after)).toEqual(new Set([2]))
    expect(runs).toBe(2)
    expect(await cache.getOrSet('k', load, { tags: ['t'] })).toBe(2)
  })

  test.each([{ ttl: 0 }, { tll: 5 }, { tags: 'users' }, { staleIfError: Number.POSITIVE_INFINITY }])(
    'refuses %j',
    async (policy) => {
      const { cache, load } = open()
      await expect(async () => cache.getOrSet('k', load, policy as never)).rejects.toMatchObject({
        name: 'CacheConfigError',
      })
    },
  )
})

describe('getOrSet on a store that', () => {
  const broken = { fails: { failRate: 1 }, hangs: { hangRate: 1 } } as const

  test.each(Object.entries(broken))(
    '%s answers with what was loaded, once for concurrent calls',
    async (_name, faults) => {
      const cache = createCache({ backend: chaosBackend(memory(), faults), backendDeadline: '20ms' })
      let runs = 0
      let [asked, allAsked] = [0, (): void => undefined]
      const everybodyAsked = new Promise<void>((resolve) => {
        allAsked = resolve
      })
      cache.on('error', ({ op }) => {
        if (op === 'get' && ++asked === 50) allAsked()
      })
      const load = async () => {
        const run = ++runs
        await everybodyAsked
        await nextTurn()
        return run
      }
      expect(new Set(await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('k', load))))).toEqual(
        new Set([1]),
      )
    },
  )

  test('cannot take the value gets a report, and the caller the value', async () => {
    const errors: string[] = []
    const cache = createCache({ backend: memory() })
    cache.on('error', ({ op }) => errors.push(op))
    expect(await cache.getOrSet('k', () => 5n)).toBe(5n)
    expect(errors).toEqual(['set'])
  })
})

test('keys of loaded values and of responses never meet, nor those of two namespaces', async () => {
  const backend = memory()
  const [a, b] = [createCache({ backend }), createCache({ backend, namespace: 'other' })]
  expect(await a.getOrSet('k', () => 1)).toBe(1)
  expect(await b.getOrSet('k', () => 2)).toBe(2)
  await b.invalidate({ all: true })
  expect(await a.getOrSet('k', () => 3)).toBe(1)
})

test('closing aborts what is being loaded', async () => {
  const cache = values(memory())
  const loading = cache.getOrSet(
    'k',
    ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('closed')))),
  )
  const failed = expect(loading).rejects.toThrow('closed')
  await nextTurn()
  await cache.close()
  await failed
})
