import { memory, resilient } from '@stowage/core'
import { chaosBackend } from '@stowage/core/testing'
import { expect, test } from 'vitest'

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resume) => setTimeout(resume, 5))
}

const quick = { circuitBreakerTimeout: '50ms', retryAttempts: 1 } as const

test('invalidations of an outage reach the store before it is read, and more than are kept invalidate everything', async () => {
  for (const count of [3, 10_050]) {
    const store = memory()
    const chaos = chaosBackend(store, { failRate: 1 })
    const backend = resilient(chaos, quick)
    const { epoch, seq } = store.tags.head()
    for (let i = 0; i < count; i++) expect(() => backend.tags?.bump([`tag ${i}`])).toThrow()
    expect(store.tags.head().seq).toBe(seq)
    chaos.chaos.set({ failRate: 0 })
    await until(() => backend.circuit === 'closed')
    await backend.tags?.head()
    const [named, other] = (await backend.tags?.read(['tag 0', 'never named'], epoch)) ?? []
    expect(named).toBeGreaterThan(seq)
    if (count > 10_000) expect(other).toBeGreaterThan(seq)
    else expect(other).toBe(0)
    expect(await backend.tags?.read(['never named'], 'another epoch')).toEqual([0])
    await backend.close()
  }
})

test('no more than 10,000 operations, or 16 million characters, are under way: what is too much fails at once', async () => {
  const chaos = chaosBackend(memory(), { hangRate: 1 })
  const backend = resilient(chaos, { ...quick, deadline: 60 })
  const value = 'x'.repeat(9 * 1024 * 1024)
  void backend.set('a', value, 60)
  void backend.set('b', value, 60)
  // The first, and the removal of what the second would have replaced.
  expect(chaos.chaos.hanging).toBe(2)
  for (let i = 0; i < 11_000; i++) void backend.get(`key ${i}`)
  expect(chaos.chaos.hanging).toBe(10_000)
  expect(backend.get('one more')).toBeNull()
  chaos.chaos.set({ hangRate: 0 })
  chaos.chaos.release()
  await until(() => backend.get('one more') instanceof Promise === false && chaos.chaos.hanging === 0)
  await backend.close()
})

test('a store that has lost 10,000 operations without a word is used again when it answers', async () => {
  let lost = false
  const store = memory()
  store.set('key', 'value', 60)
  const never = new Promise<never>(() => undefined)
  const backend = resilient(
    {
      get: async (key) => (lost ? never : store.get(key)),
      set: async (key, value, ttl) => store.set(key, value, ttl),
      delete: async (key) => store.delete(key),
      close: () => undefined,
    },
    { ...quick, deadline: '100ms' },
  )
  lost = true
  await Promise.all(Array.from({ length: 10_001 }, () => backend.get('key')))
  expect(backend.circuit).not.toBe('closed')
  lost = false
  await expect.poll(() => backend.circuit).toBe('closed')
  expect(await backend.get('key')).toBe('value')
  await backend.close()
})
