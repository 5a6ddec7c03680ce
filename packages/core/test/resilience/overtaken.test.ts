import { type CacheBackend, memory, resilient, values } from '@stowage/core'
import { chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

const quick = { circuitBreakerTimeout: '30ms', retryAttempts: 1 } as const

const open = (store: CacheBackend, fallback: boolean) => {
  const chaos = chaosBackend(store)
  const backend = resilient(chaos, { ...quick, fallback })
  const fail = async (): Promise<void> => {
    chaos.chaos.set({ failRate: 1 })
    for (let n = 0; n < 5; n++) await backend.get('anything')
    expect(backend.circuit).not.toBe('closed')
  }
  const recover = async (): Promise<void> => {
    chaos.chaos.set({ failRate: 0 })
    await expect.poll(() => backend.circuit).toBe('closed')
  }
  return { backend, chaos, fail, recover }
}

const stores: readonly (readonly [string, () => CacheBackend])[] = [
  ['memory()', () => memory()],
  ['four methods', () => mockBackend()],
]

describe.each(stores)('on %s', (_name, make) => {
  test.each([true, false])(
    'what was changed in an outage does not come back as it was; fallback: %s',
    async (fallback) => {
      const { backend, fail, recover } = open(make(), fallback)
      for (const key of ['set', 'deleted', 'left']) await backend.set(key, 'old', 60)
      await fail()
      await backend.set('set', 'new', 60)
      expect(await backend.get('set')).toBe(fallback ? 'new' : null)
      await expect((async () => backend.delete('deleted'))()).rejects.toThrow()
      await recover()
      expect([await backend.get('set'), await backend.get('deleted')]).toEqual([null, null])
      expect(await backend.get('left')).toBe('old')
      await backend.set('set', 'newer', 60)
      expect(await backend.get('set')).toBe('newer')
      await backend.close()
    },
  )
})

test('a write that fails alone takes what was there with it', async () => {
  const { backend, chaos } = open(memory(), false)
  await backend.set('key', 'old', 60)
  chaos.chaos.set({ failRate: 1, only: ['set'] })
  await backend.set('key', 'new', 60)
  await expect.poll(() => backend.get('key')).toBeNull()
  await backend.close()
})

test('values() that were set in an outage, and said to be, are not the old ones after it', async () => {
  const { backend, fail, recover } = open(memory(), true)
  const cache = values(backend)
  await cache.set('user', 'old')
  await fail()
  expect(await cache.set('user', 'new')).toBe(true)
  await recover()
  expect(await cache.get('user')).toBeUndefined()
  await cache.close()
})

test('a key that cannot be deleted does not keep a store from being used that is back', async () => {
  const { backend, chaos, fail } = open(memory(), true)
  await backend.set('key', 'old', 60)
  await fail()
  await backend.set('key', 'new', 60)
  chaos.chaos.set({ failRate: 1, only: ['deleteMany'] })
  await expect.poll(() => backend.circuit).toBe('closed')
  await backend.close()
})
