import { fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

const FOREVER = Number.POSITIVE_INFINITY

describe('memory: expiry on reading', () => {
  test('a value lives up to its ttl, and not at it', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    store.set('key', 'value', 1)
    clock.advance(999)
    expect(store.get('key')).toBe('value')
    expect(store.has('key')).toBe(true)
    clock.advance(1)
    expect(store.has('key')).toBe(false)
    expect(store.get('key')).toBeNull()
    store.close()
  })

  test('a value of 1 s is gone after 1.5 s, one of 60 days after 60 days, one without expiry never', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    store.set('short', 'value', 1)
    store.set('long', 'value', 60 * 86_400)
    store.set('always', 'value', FOREVER)
    clock.advance(1500)
    expect(store.get('short')).toBeNull()
    clock.advance(60 * 86_400_000 - 1501)
    expect(store.get('long')).toBe('value')
    clock.advance(1)
    expect(store.get('long')).toBeNull()
    clock.advance(1e15)
    expect(store.get('always')).toBe('value')
    store.close()
  })

  test('a clock that begins at 0, or below, makes no difference', () => {
    for (const start of [0, -5000]) {
      const clock = fakeClock(start)
      const store = memory({ clock })
      store.set('key', 'value', 5)
      clock.advance(4999)
      expect(store.get('key')).toBe('value')
      clock.advance(1)
      expect(store.get('key')).toBeNull()
      store.close()
    }
  })

  test('an expired entry found by a read counts as expired and as a miss, once', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    store.set('key', 'value', 1)
    clock.advance(1000)
    store.get('key')
    store.get('key')
    expect(store.stats()).toMatchObject({ expired: 1, misses: 2, hits: 0, entries: 0, deletes: 0 })
    store.close()
  })

  test('an expired entry is not one that a delete finds', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    store.set('key', 'value', 1)
    clock.advance(1000)
    expect(store.deleteMany(['key'])).toBe(0)
    expect(store.stats()).toMatchObject({ expired: 1, deletes: 0, entries: 0 })
    store.close()
  })

  test.each([0, -1, Number.NaN, Number.NEGATIVE_INFINITY])('a ttl of %d removes what was there', (ttl) => {
    const store = memory()
    store.set('key', 'value', 60)
    store.set('key', 'new', ttl)
    expect(store.get('key')).toBeNull()
    expect(store.setMany([['key', 'new']], ttl)).toBe(0)
    expect(store.stats()).toMatchObject({ entries: 0, sets: 1 })
    store.close()
  })

  test('a clock that has lost its mind expires entries rather than keeping them', () => {
    let now = 0
    const store = memory({ clock: () => now })
    store.set('key', 'value', 60)
    now = Number.NaN
    expect(store.get('key')).toBeNull()
    store.close()
  })

  test('getWithTtl says how many seconds are left', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    store.set('key', 'value', 60)
    store.set('always', 'value', FOREVER)
    clock.advance(12_500)
    expect(store.getWithTtl('key')).toEqual({ value: 'value', ttl: 47.5 })
    expect(store.getWithTtl('always')).toEqual({ value: 'value', ttl: FOREVER })
    clock.advance(47_500)
    expect(store.getWithTtl('key')).toBeNull()
    store.close()
  })
})

describe('memory: the clock of its own', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2030, 0, 1) })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test.each([10 * 86_400_000, -10 * 86_400_000])(
    'setting the system time by %d ms changes nothing',
    (step) => {
      const store = memory()
      store.set('key', 'value', 60)
      vi.setSystemTime(Date.now() + step)
      expect(store.get('key')).toBe('value')
      expect(store.getWithTtl('key')?.ttl).toBeGreaterThan(50)
      expect(store.getWithTtl('key')?.ttl).toBeLessThanOrEqual(60)
      store.close()
    },
  )
})

describe('memory: prune', () => {
  test('removes all that has expired, however they lie among the others', () => {
    const clock = fakeClock()
    const store = memory({ clock })
    for (let n = 0; n < 3000; n++) store.set(`key:${n}`, 'value', n % 3 === 0 ? FOREVER : n % 3)
    clock.advance(1000)
    expect(store.prune()).toBe(1000)
    clock.advance(1000)
    expect(store.prune()).toBe(1000)
    expect(store.prune()).toBe(0)
    expect(store.stats()).toMatchObject({ entries: 1000, expired: 2000 })
    store.close()
  })
})
