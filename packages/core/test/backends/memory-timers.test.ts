import { fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

const clock = fakeClock()
const pass = (ms: number): void => {
  clock.advance(ms)
  vi.advanceTimersByTime(ms)
}

describe('memory: cleanup', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('100,000 entries with a ttl have one timer', () => {
    const store = memory({ maxEntries: 100_000, clock })
    for (let n = 0; n < 100_000; n++) store.set(`key:${n}`, 'value', 3600)
    expect(store.stats().entries).toBe(100_000)
    expect(vi.getTimerCount()).toBe(1)
    store.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('no timer before the first entry that can expire, and none at all for those that cannot', () => {
    const store = memory({ clock })
    expect(vi.getTimerCount()).toBe(0)
    store.set('always', 'value', Number.POSITIVE_INFINITY)
    store.get('missing')
    expect(vi.getTimerCount()).toBe(0)
    store.set('key', 'value', 60)
    expect(vi.getTimerCount()).toBe(1)
    store.close()
  })

  test('expired entries go without being read, and the timer with the last of them', () => {
    const store = memory({ clock })
    store.set('a', 'value', 30)
    store.set('b', 'value', 90)
    pass(60_000)
    expect(store.stats()).toMatchObject({ entries: 1, expired: 1, misses: 0 })
    pass(60_000)
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0, expired: 2 })
    expect(vi.getTimerCount()).toBe(0)
    store.set('c', 'value', 30)
    expect(vi.getTimerCount()).toBe(1)
    store.close()
  })

  test('at most 1,000 entries are looked at in one turn, and the round is soon over all the same', () => {
    const store = memory({ maxEntries: 100_000, clock, cleanupInterval: '10s' })
    for (let n = 0; n < 50_000; n++) store.set(`key:${n}`, 'value', 5)
    pass(10_000)
    expect(store.stats().expired).toBe(1000)
    vi.advanceTimersToNextTimer()
    expect(store.stats().expired).toBe(2000)
    pass(1000)
    expect(store.stats()).toMatchObject({ entries: 0, expired: 50_000 })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a round finds what has expired while entries are read, deleted and added', () => {
    const store = memory({ maxEntries: 100_000, clock, cleanupInterval: 10 })
    for (let n = 0; n < 10_000; n++) store.set(`key:${n}`, 'value', n % 2 === 0 ? 5 : 3600)
    pass(10_000)
    for (let slice = 0; slice < 20; slice++) {
      for (let n = slice; n < 10_000; n += 97) store.get(`key:${n * 2 + 1}`)
      store.delete(`key:${slice * 500 + 1}`)
      store.set(`new:${slice}`, 'value', 3600)
      pass(10)
    }
    expect(store.stats()).toMatchObject({ entries: 5000, expired: 5000, deletes: 20 })
    store.close()
  })

  test('clear() in the middle of a round ends it', () => {
    const store = memory({ clock, cleanupInterval: 10 })
    for (let n = 0; n < 5000; n++) store.set(`key:${n}`, 'value', 5)
    pass(10_000)
    store.clear()
    expect(vi.getTimerCount()).toBe(0)
    store.set('key:4999', 'value', 60)
    store.set('new', 'value', 5)
    pass(10_000)
    expect(store.stats()).toMatchObject({ entries: 1, expired: 1001 })
    expect(store.get('key:4999')).toBe('value')
    store.close()
  })

  test('an interval longer than a timer can wait for does not fire at once', () => {
    const store = memory({ clock, cleanupInterval: '60d' })
    store.set('key', 'value', 1)
    pass(86_400_000)
    expect(store.stats().entries).toBe(1)
    pass(25 * 86_400_000)
    expect(store.stats().entries).toBe(0)
  })

  test('an interval of Infinity means no timer', () => {
    const store = memory({ clock, cleanupInterval: Number.POSITIVE_INFINITY })
    store.set('key', 'value', 1)
    expect(vi.getTimerCount()).toBe(0)
    pass(1000)
    expect(store.get('key')).toBeNull()
  })
})

test('memory: the timer does not keep the process alive', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const store = memory()
  store.set('key', 'value', 3600)
  expect(timers()).toBe(before)
  const kept = setTimeout(() => {}, 3_600_000)
  expect(timers()).toBe(before + 1)
  clearTimeout(kept)
  store.close()
})
