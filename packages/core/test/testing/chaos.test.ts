import { memory } from '@stowage/core'
import { asyncBackend, type ChaosOptions, chaosBackend, mockBackend } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

const outcomes = (options: ChaosOptions): string => {
  const backend = chaosBackend(mockBackend(), options)
  return Array.from({ length: 200 }, () => {
    try {
      backend.get('key')
      return '.'
    } catch {
      return 'x'
    }
  }).join('')
}

describe('chaosBackend', () => {
  test('without faults is the backend itself, as prompt and as capable', () => {
    const backend = chaosBackend(memory())
    expect(backend.name).toBe('memory')
    backend.set('key', 'value', 60)
    expect(backend.get('key')).toBe('value')
    expect(backend.tags?.bump(['t:a'])).toBe(1)
    expect(backend.tags?.head()).toMatchObject({ seq: 1 })
    expect(chaosBackend(mockBackend()).has).toBeUndefined()
    expect('has' in chaosBackend(mockBackend())).toBe(false)
    expect('has' in backend).toBe(true)
    backend.close()
  })

  test('fails at the rate asked for, on the same calls for the same seed', () => {
    const run = outcomes({ failRate: 0.3, seed: 7 })
    const failed = run.split('x').length - 1
    expect(failed).toBeGreaterThan(30)
    expect(failed).toBeLessThan(90)
    expect(outcomes({ failRate: 0.3, seed: 7 })).toBe(run)
    expect(outcomes({ failRate: 0.3, seed: 8 })).not.toBe(run)
    expect(outcomes({ failRate: 0.3 })).toBe(outcomes({ failRate: 0.3, seed: 1 }))
    expect(outcomes({ failRate: 1 })).toBe('x'.repeat(200))
    expect(outcomes({})).toBe('.'.repeat(200))
  })

  test('a failed call was not carried out, and the switch ends the failures', () => {
    const inner = mockBackend()
    const backend = chaosBackend(inner, { failRate: 1 })
    expect(() => backend.set('key', 'value', 60)).toThrow('chaos: set failed')
    expect(inner.calls).toEqual([])
    backend.chaos.set({ failRate: 0 })
    backend.set('key', 'value', 60)
    expect(inner.entries.size).toBe(1)
  })

  test('close is spared unless it is named', () => {
    const inner = mockBackend()
    chaosBackend(inner, { failRate: 1 }).close()
    expect(inner.calls).toEqual([{ operation: 'close', args: [] }])
    expect(() => chaosBackend(inner, { failRate: 1, only: ['close'] }).close()).toThrow('chaos: close failed')
  })

  test('only the operations named are affected', () => {
    const backend = chaosBackend(memory(), { failRate: 1, only: ['get', 'tags.bump'] })
    backend.set('key', 'value', 60)
    expect(backend.has?.('key')).toBe(true)
    expect(() => backend.get('key')).toThrow('chaos: get failed')
    expect(backend.tags?.read(['t:a'])).toEqual([0])
    expect(() => backend.tags?.bump(['t:a'])).toThrow('chaos: tags.bump failed')
    backend.close()
  })

  test('mode async makes every answer a promise, a failure included', async () => {
    const backend = chaosBackend(memory(), { mode: 'async' })
    expect(backend.set('key', 'value', 60)).toBeInstanceOf(Promise)
    await expect(backend.get('key')).resolves.toBe('value')
    backend.chaos.set({ failRate: 1 })
    await expect(backend.get('key')).rejects.toThrow('chaos: get failed')
    await expect(backend.tags?.head()).rejects.toThrow('chaos: tags.head failed')
    const first = backend.keys?.()[Symbol.asyncIterator]().next()
    await expect(first).rejects.toThrow('chaos: keys failed')
    await backend.close()
  })

  test('hanging calls wait for release and are carried out only then', async () => {
    const inner = mockBackend()
    const backend = chaosBackend(inner, { hangRate: 1 })
    const set = backend.set('key', 'value', 60)
    const get = backend.get('key')
    await new Promise(setImmediate)
    expect(inner.calls).toEqual([])
    expect(backend.chaos.hanging).toBe(2)
    expect(backend.chaos.release()).toBe(2)
    await set
    await expect(get).resolves.toBe('value')
    expect(backend.chaos.hanging).toBe(0)
    expect(backend.chaos.release()).toBe(0)
  })

  test('a tag state hangs as well', async () => {
    const backend = chaosBackend(memory(), { hangRate: 1, only: ['tags.bump'] })
    const bump = backend.tags?.bump(['t:a'])
    expect(backend.tags?.head()).toMatchObject({ seq: 0 })
    backend.chaos.release()
    await expect(bump).resolves.toBe(1)
  })

  test.each([memory, () => asyncBackend(memory())])(
    'values read are damaged, never those stored',
    async (make) => {
      const inner = make()
      const backend = chaosBackend(inner, { corruptRate: 1 })
      const value = 'a stored response'
      await backend.set('key', value, 60)
      const seen = new Set<string>()
      for (let n = 0; n < 50; n++) {
        const got = (await backend.get('key')) ?? ''
        expect(got).not.toBe(value)
        expect(got.length).toBeLessThanOrEqual(value.length)
        seen.add(got.length === value.length ? 'changed' : 'short')
      }
      expect(seen).toEqual(new Set(['changed', 'short']))
      expect((await backend.getMany?.(['key']))?.get('key')).not.toBe(value)
      const found = await backend.getWithTtl?.('key')
      expect(found?.value).not.toBe(value)
      expect(found?.ttl).toBeGreaterThan(50)
      expect(await backend.get('missing')).toBeNull()
      expect(await inner.get('key')).toBe(value)
      await backend.set('empty', '', 60)
      expect(await backend.get('empty')).not.toBe('')
      await backend.close()
    },
  )
})

describe('chaosBackend: latency', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('a call takes as long as it is told, carried out somewhere in between', async () => {
    const inner = mockBackend()
    const backend = chaosBackend(inner, { latency: 100 })
    let answered = false
    void Promise.resolve(backend.get('key')).then(() => {
      answered = true
    })
    expect(inner.calls).toEqual([])
    await vi.advanceTimersByTimeAsync(98)
    expect(inner.calls).toHaveLength(1)
    expect(answered).toBe(false)
    await vi.advanceTimersByTimeAsync(4)
    expect(answered).toBe(true)
  })

  test('between two bounds it varies', async () => {
    const backend = chaosBackend(mockBackend(), { latency: [10, 1000] })
    const started = Date.now()
    const times = Promise.all(
      Array.from({ length: 20 }, async () => {
        await backend.get('key')
        return Date.now() - started
      }),
    )
    await vi.advanceTimersByTimeAsync(1100)
    const sorted = (await times).sort((a, b) => a - b)
    expect(sorted[0]).toBeGreaterThanOrEqual(10)
    expect(sorted[19]).toBeLessThanOrEqual(1002)
    expect((sorted[19] ?? 0) - (sorted[0] ?? 0)).toBeGreaterThan(300)
  })
})
