import { type CacheBackend, CacheConfigError, isPromise, memory, tiered } from '@stowage/core'
import { asyncBackend, chaosBackend, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { interceptBackend } from '../../src/testing/intercept.ts'

const open = (options = {}) => {
  const clock = fakeClock()
  const [l1, l2] = [memory({ clock }), memory({ clock })]
  return { clock, l1, l2, backend: tiered(l1, asyncBackend(l2), options) }
}

describe('what an upper tier keeps', () => {
  test.each<[ttl: number, options: object, kept: number]>([
    [60, {}, 30],
    [60, { l1TtlRatio: 1 }, 60],
    [60, { l1TtlRatio: 0.1 }, 6],
    [0.2, {}, 0.1],
    [3600, {}, 60],
    [3600, { l1MaxTtl: '10m' }, 600],
    [3600, { l1MaxTtl: Number.POSITIVE_INFINITY }, 1800],
    [Number.POSITIVE_INFINITY, {}, 60],
    [Number.POSITIVE_INFINITY, { l1MaxTtl: Number.POSITIVE_INFINITY }, Number.POSITIVE_INFINITY],
  ])(
    'of %s s, with %j: %s s, both when it is set and when it comes from below',
    async (ttl, options, kept) => {
      const { backend, l1, l2 } = open(options)
      await backend.set('key', 'value', ttl)
      expect(l1.getWithTtl('key')).toEqual({ value: 'value', ttl: kept })
      expect(l2.getWithTtl('key')).toEqual({ value: 'value', ttl })
      l1.clear()
      expect(await backend.get('key')).toBe('value')
      expect(l1.getWithTtl('key')).toEqual({ value: 'value', ttl: kept })
    },
  )

  test('of what has been below for a while it keeps a share of what is left, and never outlives it', async () => {
    const { backend, clock, l1 } = open()
    await backend.set('key', 'value', 100)
    clock.advance(90_000)
    expect(l1.get('key')).toBeNull()
    expect(await backend.get('key')).toBe('value')
    expect(l1.getWithTtl('key')?.ttl).toBe(5)
    clock.advance(10_001)
    expect(await backend.get('key')).toBeNull()
  })

  test('is nothing of what comes from a backend that cannot say how long it lives', async () => {
    const clock = fakeClock()
    const [l1, l2] = [memory({ clock }), mockBackend({ clock })]
    const backend = tiered(l1, l2)
    l2.set('key', 'value', 60)
    expect(await backend.get('key')).toBe('value')
    expect(l1.get('key')).toBeNull()
  })

  test('is what the third of three tiers has, in both above it', async () => {
    const clock = fakeClock()
    const [l1, l2, l3] = [memory({ clock }), memory({ clock }), memory({ clock })]
    const backend = tiered([l1, asyncBackend(l2), asyncBackend(l3)])
    l3.set('key', 'value', 100)
    expect(await backend.get('key')).toBe('value')
    expect([l1.getWithTtl('key')?.ttl, l2.getWithTtl('key')?.ttl]).toEqual([50, 50])
  })
})

describe('reading', () => {
  test('a hit in the first tier is answered at once, and asks no other', async () => {
    const l2 = chaosBackend(memory())
    const backend = tiered(memory(), l2)
    await backend.set('key', 'value', 60)
    l2.chaos.set({ hangRate: 1 })
    const found = backend.get('key')
    expect([isPromise(found), found]).toEqual([false, 'value'])
    expect(l2.chaos.hanging).toBe(0)
  })

  test('the invalidation state in step is answered at once', async () => {
    const backend = tiered(memory(), asyncBackend(memory()))
    await backend.tags?.head()
    await backend.tags?.read(['a', 'b'])
    expect(backend.tags?.head()).toMatchObject({ seq: 0 })
    expect(backend.tags?.read(['b', 'a'])).toEqual([0, 0])
  })

  test('what is deleted, cleared or set while it is read below does not come back above', async () => {
    for (const change of ['delete', 'clear', 'set'] as const) {
      const [l1, l2] = [memory(), memory()]
      let resume = (): void => undefined
      const slow = interceptBackend(l2, async (operation, call) => {
        const answer = call()
        if (operation === 'getWithTtl') await new Promise<void>((resolve) => (resume = resolve))
        return answer
      })
      const backend = tiered(l1, slow)
      l2.set('key', 'old', 60)
      const reading = backend.get('key')
      if (change === 'clear') await backend.clear?.()
      else if (change === 'delete') await backend.delete('key')
      else await backend.set('key', 'new', 60)
      resume()
      expect(await reading).toBe('old')
      expect(l1.get('key'), change).toBe(change === 'set' ? 'new' : null)
    }
  })

  test('the statistics tell the tiers apart', async () => {
    const { backend, l1 } = open()
    await backend.set('key', 'value', 60)
    await backend.get('key')
    l1.clear()
    await backend.get('key')
    await backend.get('missing')
    const stats = await backend.stats()
    expect([stats.hits, stats.misses, stats.sets]).toEqual([2, 1, 1])
    expect(stats.tiers).toMatchObject([
      { backend: 'memory', hits: 1, misses: 2, refills: 1, errors: 0, own: { entries: 1 } },
      { backend: 'memory', hits: 1, misses: 1, refills: 0, errors: 0, own: { entries: 1 } },
    ])
    expect(String(stats)).toBe('tiered: hit rate 66.7 %, hits by tier: memory 1, memory 1')
    stats.reset()
    expect((await backend.stats()).tiers.map(({ hits }) => hits)).toEqual([0, 0])
  })
})

describe('writing', () => {
  test('goes to the last tier first', async () => {
    const order: string[] = []
    const told = (name: string): CacheBackend =>
      interceptBackend(memory(), async (operation, call) => {
        order.push(`${name}.${operation}`)
        return call()
      })
    const backend = tiered([told('l1'), told('l2'), told('l3')])
    await backend.set('key', 'value', 60)
    await backend.delete('key')
    expect([order.indexOf('l3.set'), order.indexOf('l3.delete')]).toEqual([0, 3])
    expect(order).toHaveLength(6)
  })

  test('two of one key at once leave above nothing that is not below', async () => {
    const [l1, l2] = [memory(), memory()]
    const waiting: (() => void)[] = []
    const slow = interceptBackend(l2, async (operation, call) => {
      if (operation === 'set') await new Promise<void>((resolve) => waiting.push(resolve))
      return call()
    })
    const backend = tiered(l1, slow)
    const [one, two] = [backend.set('key', 'one', 60), backend.set('key', 'two', 60)]
    for (const resume of waiting.reverse()) resume()
    await Promise.all([one, two])
    expect([l2.get('key'), l1.get('key')]).toEqual(['one', null])
    expect(await backend.get('key')).toBe('one')
  })

  test('what the last tier did not take is above nevertheless; what it did not delete is gone above, and rejects', async () => {
    const l1 = memory()
    const l2 = chaosBackend(memory())
    const backend = tiered(l1, l2)
    l2.chaos.set({ failRate: 1 })
    await backend.set('key', 'value', 60)
    expect(await backend.get('key')).toBe('value')
    await expect(async () => backend.delete('key')).rejects.toMatchObject({ message: /chaos/ })
    expect(l1.get('key')).toBeNull()
    expect(await backend.get('key')).toBeNull()
    expect((await backend.stats()).tiers[1]?.errors).toBe(2)
  })
})

describe('of several tiers', () => {
  test('some are not well: degraded; none: unhealthy', async () => {
    const [l1, l2] = [chaosBackend(memory()), chaosBackend(memory())]
    const backend = tiered(l1, l2)
    expect(await backend.health()).toMatchObject({ status: 'healthy', connected: true })
    l2.chaos.set({ failRate: 1 })
    expect(await backend.health()).toMatchObject({ status: 'degraded', connected: false })
    l1.chaos.set({ failRate: 1 })
    expect(await backend.health()).toMatchObject({ status: 'unhealthy' })
  })

  test('all are closed, also where one cannot be; the state of invalidations still answers', async () => {
    const [l1, l2, l3] = [mockBackend(), chaosBackend(memory()), mockBackend()]
    l2.chaos.set({ failRate: 1, only: ['close'] })
    await expect(tiered([l1, l2, l3]).close()).rejects.toThrow('chaos')
    expect([l1.calls.at(-1)?.operation, l3.calls.at(-1)?.operation]).toEqual(['close', 'close'])
    const backend = tiered(memory(), asyncBackend(memory()))
    const { epoch } = (await backend.tags?.head()) ?? {}
    await backend.close()
    expect(await backend.tags?.head()).toMatchObject({ epoch })
    expect(await backend.tags?.read(['a'])).toEqual([Number.MAX_SAFE_INTEGER])
    await expect(async () => backend.tags?.bump(['a'])).rejects.toMatchObject({ code: 'BACKEND_ERROR' })
  })

  test('only the last has leases and counters, and no tier above it an older state of them', async () => {
    const raw = memory()
    const l2: CacheBackend = Object.assign(asyncBackend(raw), {})
    const counting = new Proxy(l2, {
      get: (target, name) =>
        name === 'increment'
          ? async (key: string) => {
              const next = Number(raw.get(key) ?? 0) + 1
              raw.set(key, String(next), 60)
              return next
            }
          : Reflect.get(target, name),
    })
    const backend = tiered(memory(), counting)
    expect(await backend.increment?.('counter')).toBe(1)
    expect(await backend.get('counter')).toBe('1')
    expect(await backend.increment?.('counter')).toBe(2)
    expect(await backend.get('counter')).toBe('2')
  })
})

describe('options that cannot work', () => {
  test.each<[make: () => unknown, code: string, path: string]>([
    [() => tiered([memory()]), 'CACHE_CONFIG_BACKEND', 'tiered'],
    [() => tiered(memory(), new Map() as never), 'CACHE_CONFIG_BACKEND', 'tiered.l2'],
    [() => tiered(undefined as never, memory()), 'CACHE_CONFIG_BACKEND', 'tiered.l1'],
    [() => tiered(memory(), memory(), { l1TtlRatio: 0 }), 'CACHE_CONFIG_RANGE', 'tiered.l1TtlRatio'],
    [() => tiered(memory(), memory(), { l1TtlRatio: 1.5 }), 'CACHE_CONFIG_RANGE', 'tiered.l1TtlRatio'],
    [() => tiered(memory(), memory(), { l1MaxTtl: 0 }), 'CACHE_CONFIG_RANGE', 'tiered.l1MaxTtl'],
    [
      () => tiered(memory(), memory(), { l1MaxTtl: '5 m' as never }),
      'CACHE_CONFIG_DURATION',
      'tiered.l1MaxTtl',
    ],
    [() => tiered(memory(), memory(), { bus: true }), 'CACHE_CONFIG_BACKEND', 'tiered.bus'],
    [() => tiered(memory(), memory(), { bus: 'yes' as never }), 'CACHE_CONFIG_TYPE', 'tiered.bus'],
    [() => tiered(memory(), memory(), { ratio: 1 } as never), 'CACHE_CONFIG_UNKNOWN_OPTION', 'tiered.ratio'],
  ])('%s: %s', (make, code, path) => {
    expect(make).toThrow(CacheConfigError)
    expect(make).toThrow(expect.objectContaining({ code, path }))
  })

  test('a backend may be a tier only once', () => {
    const store = memory()
    expect(() => tiered(store, store)).toThrow(/the same backend/)
  })
})
