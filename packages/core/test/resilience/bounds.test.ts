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
  expect(chaos.chaos.hanging).toBe(1)
  for (let i = 0; i < 11_000; i++) void backend.get(`key ${i}`)
  expect(chaos.chaos.hanging).toBe(10_000)
  expect(backend.get('one more')).toBeNull()
  chaos.chaos.set({ hangRate: 0 })
  chaos.chaos.release()
  await until(() => backend.get('one more') instanceof Promise === false && chaos.chaos.hanging === 0)
  await backend.close()
})
