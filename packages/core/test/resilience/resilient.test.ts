import { type CacheBackend, CacheBackendError, memory, resilient } from '@stowage/core'
import { asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** What `work` came to, and the milliseconds that it took. */
const timed = async <T>(
  work: T | Promise<T>,
): Promise<{ value: T | undefined; error: unknown; ms: number }> => {
  const began = performance.now()
  const outcome = { value: undefined as T | undefined, error: undefined as unknown, ms: -1 }
  const ended = Promise.resolve(work)
    .then(
      (value) => {
        outcome.value = value
      },
      (error: unknown) => {
        outcome.error = error
      },
    )
    .then(() => {
      outcome.ms = performance.now() - began
    })
  while (outcome.ms < 0) await vi.advanceTimersByTimeAsync(1)
  await ended
  return outcome
}

const failing = (times: number, backend: CacheBackend = memory()): CacheBackend & { calls: number } => {
  const failed = {
    calls: 0,
    get: async (key: string) => {
      failed.calls++
      if (failed.calls <= times) throw new Error(`failure ${failed.calls}`)
      return backend.get(key)
    },
    set: (key: string, value: string, ttl: number) => backend.set(key, value, ttl),
    delete: (key: string) => backend.delete(key),
    close: () => backend.close(),
  }
  return failed
}

const open = async (backend: CacheBackend): Promise<void> => {
  for (let i = 0; i < 5; i++) await timed(backend.get('a'))
}

describe('a backend that answers at once', () => {
  test('still does, in every capability', () => {
    const backend = resilient(memory())
    expect(backend.set('a', '1', 60)).toBeUndefined()
    expect(backend.get('a')).toBe('1')
    expect(backend.has?.('a')).toBe(true)
    expect(backend.getMany?.(['a', 'b'])).toEqual(new Map([['a', '1']]))
    expect(backend.tags?.head()).toMatchObject({ seq: 0 })
    expect(backend.tags?.bump(['t'])).toBe(1)
    expect(backend.tags?.read(['t', 'u'])).toEqual([1, 0])
    expect(backend.stats()).toMatchObject({ hits: 2, misses: 1, sets: 1, circuit: 'closed', connected: true })
    expect(backend.health()).toMatchObject({ status: 'healthy', connected: true, circuit: 'closed' })
    expect(backend.close()).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('has the capabilities of what it wraps, and no other', () => {
    for (const name of [
      'has',
      'clear',
      'keys',
      'getMany',
      'getWithTtl',
      'prune',
      'tags',
      'connect',
      'publish',
    ])
      expect(name in resilient(mockBackend())).toBe(false)
    const backend = resilient({ ...mockBackend(), increment: () => 7 })
    expect(backend.increment?.('n')).toBe(7)
    expect('setIfAbsent' in backend).toBe(false)
    expect(resilient(memory()).name).toBe('memory')
  })
})

describe('the deadline', () => {
  test('is 250 ms: a read that hangs is a miss, a write is lost, an invalidation rejects', async () => {
    const backend = resilient(chaosBackend(memory(), { hangRate: 1 }))
    const [read, write, bump] = await Promise.all([
      timed(backend.get('a')),
      timed(backend.set('a', '1', 60)),
      timed(backend.tags?.bump(['t'])),
    ])
    for (const { ms } of [read, write, bump]) expect(ms).toBeLessThanOrEqual(252)
    expect(read.value).toBeNull()
    expect(write.error).toBeUndefined()
    expect(bump.error).toMatchObject({ code: 'TIMEOUT_ERROR', operation: 'tags.bump', backend: 'memory' })
  })

  test('holds for all attempts together', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.99)
    const store = failing(100)
    const { value, ms } = await timed(
      resilient(store, { deadline: '120ms', circuitBreakerThreshold: 50 }).get('a'),
    )
    expect(value).toBeNull()
    expect(ms).toBeLessThanOrEqual(122)
    expect(store.calls).toBe(2)
  })

  test('leaves no timer behind', async () => {
    const backend = resilient(chaosBackend(memory(), { hangRate: 1 }), { circuitBreakerThreshold: 100 })
    for (let i = 0; i < 3; i++) await timed(backend.get('a'))
    await timed(resilient(asyncBackend(memory())).get('a'))
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('retries', () => {
  test('wait up to 100 ms, then up to 200, and find what the third attempt finds', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const store = memory()
    store.set('a', '1', 60)
    const flaky = failing(2, store)
    const { value, ms } = await timed(resilient(flaky).get('a'))
    expect([value, flaky.calls]).toEqual(['1', 3])
    expect(ms).toBeGreaterThanOrEqual(150)
    expect(ms).toBeLessThanOrEqual(155)
  })

  test('end after as many attempts as were asked for', async () => {
    const store = failing(100)
    await timed(resilient(store, { retryAttempts: 2, retryBackoffBase: '1ms' }).get('a'))
    expect(store.calls).toBe(2)
  })

  test('are not made of what would be done twice, nor of what cannot be serialised', async () => {
    let calls = 0
    const broken = async (): Promise<never> => {
      calls++
      throw new CacheBackendError('SERIALIZATION_ERROR', { backend: 'x', operation: 'get' })
    }
    const backend = resilient({ ...mockBackend(), get: broken, increment: broken, setIfAbsent: broken })
    await timed(backend.get('a'))
    for (const work of [() => backend.increment?.('n'), () => backend.setIfAbsent?.('a', '1', 1)])
      expect((await timed(work())).error).toBeInstanceOf(CacheBackendError)
    for (let i = 0; i < 10; i++) await timed(backend.get('a'))
    expect([calls, backend.circuit]).toEqual([13, 'closed'])
  })

  test('a store that throws at once is tried again as well', async () => {
    const store = memory()
    store.set('a', '1', 60)
    const chaos = chaosBackend(store, { failRate: 1 })
    const answer = resilient(chaos).get('a')
    chaos.chaos.set({ failRate: 0 })
    expect((await timed(answer)).value).toBe('1')
  })
})

describe('while the circuit is open', () => {
  test('nothing waits, nothing reaches the store but one probe a second', async () => {
    const store = mockBackend()
    const chaos = chaosBackend(store, { hangRate: 1 })
    const backend = resilient(chaos)
    await Promise.all(Array.from({ length: 5 }, () => timed(backend.get('a'))))
    expect(backend.circuit).toBe('open')
    const { hanging } = chaos.chaos
    for (let i = 0; i < 100; i++) {
      expect(backend.get('a')).toBeNull()
      expect(backend.set('a', '1', 60)).toBeUndefined()
    }
    expect(chaos.chaos.hanging).toBe(hanging)
    await vi.advanceTimersByTimeAsync(10_300)
    expect(chaos.chaos.hanging - hanging).toBeGreaterThanOrEqual(10)
    expect(chaos.chaos.hanging - hanging).toBeLessThanOrEqual(11)
    await backend.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('who deletes, counts or invalidates is told', async () => {
    const backend = resilient(
      chaosBackend(
        { ...memory(), ...mockBackend(), tags: memory().tags, increment: () => 1 },
        { failRate: 1 },
      ),
    )
    await open(backend)
    for (const work of [
      () => backend.delete('a'),
      () => backend.increment?.('n'),
      () => backend.tags?.bump(['t']),
    ])
      expect(work).toThrow(expect.objectContaining({ code: 'CONNECTION_ERROR' }))
  })

  test('health and statistics tell of it without asking the store', async () => {
    const chaos = chaosBackend(memory(), { failRate: 1 })
    const backend = resilient(chaos, { retryBackoffBase: '1ms' })
    await open(backend)
    expect(backend.health()).toMatchObject({
      status: 'unhealthy',
      connected: false,
      circuit: 'open',
      error: 'chaos: get failed',
    })
    const stats = await backend.stats()
    expect(stats).toMatchObject({
      circuit: 'open',
      connected: false,
      trips: 1,
      totalOperations: 2,
      errors: 5,
    })
    expect(stats.errorRate).toBe(1)
    expect(stats.toJSON()).toMatchObject({ circuit: 'open', trips: 1, fallbackHits: 0 })
    expect(String(stats)).toMatch(/^memory: circuit open, /)
    stats.reset()
    expect(await backend.stats()).toMatchObject({ trips: 0, totalOperations: 0, errorRate: 0 })
  })

  test('it is closed again within 2 s after the store is back', async () => {
    const chaos = chaosBackend(memory(), { hangRate: 1 })
    const changes: string[] = []
    const backend = resilient(chaos, { onCircuit: ({ state }) => changes.push(state) })
    await Promise.all(Array.from({ length: 5 }, () => timed(backend.get('a'))))
    await vi.advanceTimersByTimeAsync(5000)
    chaos.chaos.set({ hangRate: 0 })
    await vi.advanceTimersByTimeAsync(1300)
    expect(backend.circuit).toBe('closed')
    expect([changes[0], changes.at(-1)]).toEqual(['open', 'closed'])
    await backend.set('a', '1', 60)
    expect(await backend.get('a')).toBe('1')
  })
})

describe('the fallback', () => {
  test('stands in while the circuit is open, and nothing of it is there afterwards, nor in the store', async () => {
    const store = memory()
    store.set('old', 'of the store', 60)
    const chaos = chaosBackend(store, { failRate: 1 })
    const backend = resilient(chaos, { fallback: true, retryBackoffBase: '1ms' })
    await open(backend)
    expect(backend.get('old')).toBeNull()
    backend.set('a', 'local', 60)
    expect([backend.get('a'), backend.has?.('a')]).toEqual(['local', true])
    expect(backend.health()).toMatchObject({ status: 'degraded', circuit: 'open' })
    expect(await backend.stats()).toMatchObject({ fallbackHits: 1 })
    chaos.chaos.set({ failRate: 0 })
    await vi.advanceTimersByTimeAsync(1100)
    expect(backend.circuit).toBe('closed')
    expect([backend.get('a'), backend.get('old'), store.get('a')]).toEqual([null, 'of the store', null])
    chaos.chaos.set({ failRate: 1 })
    await open(backend)
    expect([backend.circuit, backend.get('a')]).toEqual(['open', null])
  })

  test('is told of what is deleted, and so is who deleted', async () => {
    const backend = resilient(chaosBackend(memory(), { failRate: 1 }), { fallback: true })
    await open(backend)
    backend.set('a', '1', 60)
    expect(() => backend.delete('a')).toThrow(CacheBackendError)
    expect(backend.get('a')).toBeNull()
  })

  test('keeps nothing longer than 10 s where it is its own, for it hears of no other process', async () => {
    const failing = chaosBackend(memory(), { failRate: 1 })
    const [own, given] = [true, memory()].map((fallback) => resilient(failing, { fallback }))
    for (const backend of [own, given]) {
      if (backend === undefined) throw new Error('no backend')
      await open(backend)
      backend.set('a', '1', 60)
      backend.setMany?.([['b', '2']], Number.POSITIVE_INFINITY)
      backend.set('c', '3', 5)
    }
    const left = (backend = own) =>
      ['a', 'b', 'c'].map((key) => (backend?.getWithTtl?.(key) as { ttl: number } | null)?.ttl ?? 0)
    for (const [index, most] of [10, 10, 5].entries()) expect(left()[index]).toBeLessThanOrEqual(most)
    expect(Math.min(...left())).toBeGreaterThan(0)
    expect(left(given)[0]).toBeGreaterThan(10)
  })

  test('may be a backend, which is not used before it is empty', async () => {
    const spare = chaosBackend(memory())
    spare.set('a', 'of long ago', 60)
    const backend = resilient(chaosBackend(memory(), { failRate: 1 }), { fallback: spare })
    spare.chaos.set({ hangRate: 1, only: ['clear'] })
    await open(backend)
    expect(backend.get('a')).toBeNull()
    spare.chaos.release()
    await vi.advanceTimersByTimeAsync(1)
    backend.set('a', '1', 60)
    expect(backend.get('a')).toBe('1')
    spare.chaos.set({ hangRate: 0, failRate: 1, only: ['get'] })
    expect(backend.get('a')).toBeNull()
  })
})

test('the log is short, and names neither keys nor values', async () => {
  const lines: string[] = []
  const say =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`)
  const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const chaos = chaosBackend(memory(), { failRate: 1 })
  const backend = resilient(chaos, { logger, retryAttempts: 1 })
  for (let i = 0; i < 5; i++) await backend.set('secret-key', 'secret-value', 60)
  for (let i = 0; i < 100; i++) await backend.get('secret-key')
  chaos.chaos.set({ failRate: 0 })
  await vi.advanceTimersByTimeAsync(1100)
  expect(lines).toHaveLength(8)
  expect(lines[0]).toBe('error stowage memory: set failed: chaos: set failed')
  expect(lines[5]).toBe('warn stowage memory: circuit open: chaos: set failed')
  expect(lines.at(-1)).toBe('info stowage memory: circuit closed, the store is back')
  expect(lines.join()).not.toMatch(/secret/)
})

describe('close()', () => {
  test('closes store and fallback once, and gives up a store that hangs after 5 s', async () => {
    const spare = memory()
    const store = mockBackend()
    const backend = resilient(store, { fallback: spare })
    await backend.close()
    await backend.close()
    expect(store.calls.filter(({ operation }) => operation === 'close')).toHaveLength(1)
    expect(spare.health().status).toBe('unhealthy')
    const hanging = resilient({ ...mockBackend(), close: () => new Promise<void>(() => undefined) })
    const { error, ms } = await timed(hanging.close())
    expect(error).toBeUndefined()
    expect(ms).toBeLessThanOrEqual(5002)
  })
})
