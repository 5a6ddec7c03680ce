import { fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { memory } from '../../src/backends/memory.ts'

const collect = async (keys: AsyncIterable<string>): Promise<string[]> => {
  const list: string[] = []
  for await (const key of keys) list.push(key)
  return list.sort()
}

describe('memory: basic use', () => {
  test('every answer is there at once', () => {
    const store = memory()
    expect(store.set('key', 'value', 60)).toBeUndefined()
    expect(store.get('key')).toBe('value')
    expect(store.has('key')).toBe(true)
    expect(store.delete('key')).toBeUndefined()
    expect(store.get('key')).toBeNull()
    expect(store.has('key')).toBe(false)
    expect(store.name).toBe('memory')
    store.close()
  })

  test('a batch: three stored, two of them found among three names, two deleted', () => {
    const store = memory()
    const users = [1, 2, 3].map((n) => [`user:${n}`, `name ${n}`] as const)
    expect(store.setMany(users, 60)).toBe(3)
    expect(store.getMany(['user:1', 'user:2', 'user:4'])).toEqual(
      new Map([
        ['user:1', 'name 1'],
        ['user:2', 'name 2'],
      ]),
    )
    expect(store.deleteMany(['user:1', 'user:3', 'user:4'])).toBe(2)
    expect([...store.getMany(['user:1', 'user:2', 'user:3']).keys()]).toEqual(['user:2'])
    store.close()
  })

  test('patterns: four keys, three of users, two of profiles', async () => {
    const store = memory()
    for (const key of ['user:1:profile', 'user:2:profile', 'user:1:orders', 'post:1']) store.set(key, key, 60)
    expect(await collect(store.keys())).toHaveLength(4)
    expect(await collect(store.keys('user:*'))).toHaveLength(3)
    expect(await collect(store.keys('*:profile'))).toEqual(['user:1:profile', 'user:2:profile'])
    store.close()
  })

  test('clear says that ten are gone', () => {
    const store = memory()
    for (let n = 0; n < 10; n++) store.set(`key:${n}`, 'value', 60)
    expect(store.clear()).toBe(10)
    expect(store.clear()).toBe(0)
    expect(store.get('key:0')).toBeNull()
    store.close()
  })

  test('two backends share nothing', () => {
    const [one, other] = [memory(), memory()]
    one.set('key', 'value', 60)
    one.tags.bump(['t:a'])
    expect(other.get('key')).toBeNull()
    expect(other.tags.head()).toMatchObject({ seq: 0 })
    expect(other.tags.head().epoch).not.toBe(one.tags.head().epoch)
    one.close()
    other.close()
  })
})

describe('memory: keys', () => {
  test('each key that stays is seen once, whatever comes, goes, is read or replaced meanwhile', async () => {
    const store = memory()
    const expected = Array.from({ length: 3000 }, (_, n) => `old:${n}`)
    for (const key of expected) store.set(key, 'value', 60)
    const seen: string[] = []
    for await (const key of store.keys('old:*')) {
      seen.push(key)
      store.get(expected[(seen.length * 7) % 3000] ?? '')
      store.delete(key)
      store.set(`new:${seen.length}`, 'value', 60)
      const other = expected[(seen.length * 11) % 3000] ?? ''
      if (store.has(other)) store.set(other, 'another value', 60)
    }
    expect(seen).toHaveLength(3000)
    expect(new Set(seen)).toEqual(new Set(expected))
    store.close()
  })

  test('a flood of new keys does not keep the iteration from ending', async () => {
    const store = memory()
    store.set('key:0', 'value', 60)
    let count = 0
    for await (const _key of store.keys()) store.set(`key:${++count}`, 'value', 60)
    expect(count).toBe(1)
    store.close()
  })

  test('a long iteration gives the event loop its turns, even where nothing matches', async () => {
    const store = memory()
    for (let n = 0; n < 5000; n++) store.set(`key:${n}`, 'value', 60)
    let turns = 0
    const count = (): void => {
      turns++
      turn = setImmediate(count)
    }
    let turn = setImmediate(count)
    expect(await collect(store.keys('nothing*'))).toEqual([])
    clearImmediate(turn)
    expect(turns).toBeGreaterThanOrEqual(4)
    store.close()
  })

  test('an iteration that clear() or close() meets comes to its end', async () => {
    const store = memory()
    for (let n = 0; n < 10; n++) store.set(`key:${n}`, 'value', 60)
    const seen: string[] = []
    for await (const key of store.keys()) {
      seen.push(key)
      store.clear()
    }
    expect(seen).toHaveLength(1)
    store.close()
    expect(await collect(store.keys())).toEqual([])
  })
})

describe('memory: close', () => {
  test('a closed backend finds and stores nothing, and says so', () => {
    const store = memory({ clock: fakeClock() })
    expect(store.health()).toEqual({ status: 'healthy', connected: true, latencyMs: 0 })
    store.set('key', 'value', 60)
    store.close()
    store.close()
    store.set('key', 'value', 60)
    expect(store.setMany([['other', 'value']], 60)).toBe(0)
    expect(store.get('key')).toBeNull()
    expect(store.has('key')).toBe(false)
    expect(store.getWithTtl('key')).toBeNull()
    expect(store.deleteMany(['key'])).toBe(0)
    expect(store.prune()).toBe(0)
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0 })
    expect(store.health()).toMatchObject({ status: 'unhealthy', connected: false })
  })
})
