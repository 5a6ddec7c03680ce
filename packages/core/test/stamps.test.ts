import { type CacheBackend, memory } from '@stowage/core'
import { asyncBackend, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import type { Stamp } from '../src/stamp.ts'
import { createStamps, type Stamps } from '../src/stamps.ts'
import { storedResponse } from './stored.ts'

/** What a fill that began at `stamp` stores. */
const filled = (stamp: Stamp, tags: readonly string[] = ['a', 'b']) =>
  storedResponse({ tags, stamp: stamp.seq, epoch: stamp.epoch, run: stamp.run })

const check = async (stamps: Stamps, stamp: Stamp, tags?: readonly string[]): Promise<string> =>
  stamps.check(filled(stamp, tags), await stamps.now())

const backends: readonly [name: string, create: () => CacheBackend][] = [
  ['memory()', () => memory()],
  ['asyncBackend(memory())', () => asyncBackend(memory())],
  ['a bare backend', () => mockBackend()],
  ['asyncBackend(a bare backend)', () => asyncBackend(mockBackend())],
]

describe.each(backends)('the invalidation clock of %s', (_name, create) => {
  test('without an invalidation everything is valid', async () => {
    const stamps = createStamps(create(), 'n')
    expect(await check(stamps, await stamps.now())).toBe('valid')
  })

  test('an invalidation counts for what began before it, and for no other tag', async () => {
    const stamps = createStamps(create(), 'n')
    const before = await stamps.now()
    const seq = await stamps.invalidate(['a'], 'remove')
    const after = await stamps.now()
    expect(after.seq).toBe(seq)
    expect(await check(stamps, before)).toBe('removed')
    expect(await check(stamps, before, ['b'])).toBe('valid')
    expect(await check(stamps, after)).toBe('valid')
  })

  test('a soft invalidation makes stale, and a hard one removes whatever came first', async () => {
    const stamps = createStamps(create(), 'n')
    const first = await stamps.now()
    await stamps.invalidate(['a'], 'stale')
    expect(await check(stamps, first)).toBe('stale')
    await stamps.invalidate(['b'], 'remove')
    expect(await check(stamps, first)).toBe('removed')
    await stamps.invalidate(['b'], 'stale')
    expect(await check(stamps, first)).toBe('removed')
  })

  test('a tag that begins like a twin is a tag of its own', async () => {
    const stamps = createStamps(create(), 'n')
    const stamp = await stamps.now()
    await stamps.invalidate(['~a'], 'remove')
    expect(await check(stamps, stamp, ['a'])).toBe('valid')
  })

  test('namespaces do not touch each other, whatever their names are made of', async () => {
    const backend = create()
    const names = ['n', 'n ', '1:n', '', '~n']
    const all = names.map((name) => createStamps(backend, name))
    const stamps = await Promise.all(all.map((of) => of.now()))
    await all[0]?.invalidate(['a'], 'remove')
    const after = await Promise.all(all.map((of, i) => check(of, stamps[i] as Stamp, ['a'])))
    expect(after).toEqual(['removed', 'valid', 'valid', 'valid', 'valid'])
  })
})

describe('a store that counts itself', () => {
  test('refuses entries of another epoch, and those that a process stamped for itself', async () => {
    const stamps = createStamps(memory(), 'n')
    const now = await stamps.now()
    expect(await stamps.check(filled({ ...now, epoch: 'other' }), now)).toBe('removed')
    expect(await stamps.check(filled({ ...now, run: 'some' }), now)).toBe('removed')
  })

  test('is seen by everybody who shares it', async () => {
    const backend = memory()
    const [one, other] = [createStamps(backend, 'n'), createStamps(backend, 'n')]
    const before = await one.now()
    await other.invalidate(['a'], 'remove')
    expect(await check(one, before)).toBe('removed')
  })

  test.each([
    ['too few', [0, 0, 0]],
    ['none', []],
    ['too many', [0, 0, 0, 0, 0]],
  ])('%s counts are no answer', async (_title, counts) => {
    const { tags, ...backend } = { ...mockBackend(), tags: memory().tags }
    const stamps = createStamps({ ...backend, tags: { ...tags, read: () => counts } }, 'n')
    const before = await stamps.now()
    await stamps.invalidate(['other'], 'remove')
    expect(() => stamps.check(filled(before), { ...before, seq: 1 })).toThrow(/counts/)
  })

  test.each([
    [[Number.NaN, 0, 0, 0], 'removed'],
    [[0, 0, Number.NaN, 0], 'stale'],
  ])('counts of %j are above any stamp', async (counts, expected) => {
    const { tags } = memory()
    const stamps = createStamps({ ...mockBackend(), tags: { ...tags, read: () => counts } }, 'n')
    const now = await stamps.now()
    expect(await stamps.check(filled(now), { ...now, seq: 1 })).toBe(expected)
  })
})

describe('a store with nothing atomic', () => {
  const epochKey = '1:n #epoch'

  test('keeps one epoch, which every invalidation writes anew', async () => {
    const backend = mockBackend()
    const stamps = createStamps(backend, 'n')
    const first = await stamps.now()
    expect(backend.entries.size).toBe(0)
    await stamps.settle()
    expect(backend.entries.get(epochKey)?.value).toBe(first.epoch)
    expect(backend.entries.get(epochKey)?.expiresAt).toBe(Number.POSITIVE_INFINITY)
    await stamps.invalidate(['a'], 'remove')
    const second = await stamps.now()
    expect(second.epoch).not.toBe(first.epoch)
    expect(backend.entries.get(epochKey)?.value).toBe(second.epoch)
  })

  test('settles once: then the store is not asked again', async () => {
    const backend = mockBackend()
    const stamps = createStamps(backend, 'n')
    await stamps.now()
    for (let i = 0; i < 100; i++) {
      await stamps.now()
      await stamps.settle()
    }
    expect(backend.calls.map(({ operation }) => operation)).toEqual(['get', 'set'])
  })

  test('after a restart, entries count under the epoch in the store, and end with the next invalidation', async () => {
    const backend = mockBackend()
    const before = createStamps(backend, 'n')
    const stamp = await before.now()
    await before.settle()
    const after = createStamps(backend, 'n')
    expect((await after.now()).epoch).toBe(stamp.epoch)
    expect((await after.now()).run).not.toBe(stamp.run)
    expect(await check(after, stamp)).toBe('valid')
    await after.invalidate(['quite another'], 'stale')
    expect(await check(after, stamp)).toBe('removed')
  })

  test('what was invalidated before a restart stays invalidated, and so does what was filled meanwhile', async () => {
    const backend = mockBackend()
    const before = createStamps(backend, 'n')
    const old = await before.now()
    await before.invalidate(['a'], 'remove')
    const since = await before.now()
    const after = createStamps(backend, 'n')
    expect(await check(after, old)).toBe('removed')
    expect(await check(after, since)).toBe('valid')
  })

  test('an epoch that the store did not take is written before anything else', async () => {
    const backend = mockBackend()
    let down = true
    const set: CacheBackend['set'] = (key, value, ttl) => {
      if (down) throw new Error('down')
      backend.set(key, value, ttl)
    }
    const stamps = createStamps({ ...backend, set }, 'n')
    await stamps.now()
    expect(() => stamps.invalidate(['a'], 'remove')).toThrow('down')
    expect(() => stamps.settle()).toThrow('down')
    down = false
    await stamps.settle()
    expect(backend.entries.get(epochKey)?.value).toBe((await stamps.now()).epoch)
  })

  test('an older epoch that arrives late is replaced before anything else is written', async () => {
    const backend = mockBackend()
    const late: (() => void)[] = []
    const set = (key: string, value: string, ttl: number): Promise<void> =>
      new Promise((resolve) => late.push(() => resolve(backend.set(key, value, ttl))))
    const stamps = createStamps({ ...backend, set }, 'n')
    await stamps.now()
    const both = [stamps.invalidate(['a'], 'remove'), stamps.invalidate(['b'], 'remove')]
    const { epoch } = await stamps.now()
    for (const execute of late.splice(0).reverse()) execute()
    await Promise.all(both)
    expect(backend.entries.get(epochKey)?.value).not.toBe(epoch)
    const settled = stamps.settle()
    for (const execute of late.splice(0)) execute()
    await settled
    expect(backend.entries.get(epochKey)?.value).toBe(epoch)
    expect(stamps.settle()).toBeUndefined()
  })

  test.each(['', 'short', 'c1 00000000\n{}', 'x'.repeat(100_000), 'twelve chars', 7, undefined, {}])(
    'an epoch of %j is none: another takes its place',
    async (value) => {
      const backend = mockBackend()
      const stamps = createStamps({ ...backend, get: () => value as string }, 'n')
      const { epoch } = await stamps.now()
      expect(epoch).toMatch(/^[\w-]{12}$/)
      await stamps.settle()
      expect(backend.entries.get(epochKey)?.value).toBe(epoch)
    },
  )

  test('a read that fails begins a new epoch; one that never answers is asked again', async () => {
    const backend = mockBackend()
    backend.set(epochKey, 'abcdefghijkl', 60)
    let answer: () => Promise<string | null> = () => new Promise(() => undefined)
    const stamps = createStamps({ ...backend, get: () => answer() }, 'n')
    void stamps.now()
    answer = async () => backend.get(epochKey)
    expect((await stamps.now()).epoch).toBe('abcdefghijkl')
    const failing = createStamps({ ...backend, get: () => Promise.reject(new Error('down')) }, 'n')
    expect((await failing.now()).epoch).not.toBe('abcdefghijkl')
  })

  test('an invalidation outruns a read of the epoch that is under way', async () => {
    const backend = mockBackend()
    backend.set(epochKey, 'abcdefghijkl', 60)
    let answer: (value: string) => void = () => undefined
    const get = (): Promise<string> => new Promise((resolve) => (answer = resolve))
    const stamps = createStamps({ ...backend, get }, 'n')
    const reading = stamps.now()
    await stamps.invalidate(['a'], 'remove')
    answer('abcdefghijkl')
    expect((await reading).epoch).toBe(backend.entries.get(epochKey)?.value)
    expect((await reading).epoch).not.toBe('abcdefghijkl')
  })
})
