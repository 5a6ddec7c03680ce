import assert from 'node:assert/strict'
import type { CacheBackend } from '@stowage/core'
import type { BackendCase, Tested } from './backend-case.ts'

const collect = async (keys: AsyncIterable<string> | undefined): Promise<readonly string[]> => {
  const list: string[] = []
  for await (const key of keys ?? []) list.push(key)
  return list.sort()
}

const setAll = async ({ backend }: Tested, keys: readonly string[], ttl = 3600): Promise<void> => {
  for (const key of keys) await backend.set(key, `value of ${key}`, ttl)
}

/** Sets `expired` and lets it expire; sets `live`. */
const setExpired = async (tested: Tested): Promise<void> => {
  await setAll(tested, ['expired'], tested.controlled ? 10 : 0.05)
  await setAll(tested, ['live'])
  await tested.pass(tested.controlled ? 10_001 : 120)
}

/** A capability is a method that works, or it is not there. */
const capability = (
  name: keyof CacheBackend,
  promise: string,
  run: (tested: Tested) => Promise<void>,
): BackendCase => ({
  name: `${name}, where it exists: ${promise}`,
  run: async (tested) => {
    const kind = typeof tested.backend[name]
    assert.ok(kind === 'function' || kind === 'undefined', `${name} is a ${kind}`)
    if (kind === 'function') await run(tested)
  },
})

const single: readonly BackendCase[] = [
  capability('connect', 'can be called at any time, and again', async ({ backend }) => {
    await backend.connect?.()
    await backend.set('key', 'value', 60)
    await backend.connect?.()
    assert.equal(await backend.get('key'), 'value')
  }),
  capability('has', 'says what get would find', async (tested) => {
    await setExpired(tested)
    assert.equal(await tested.backend.has?.('live'), true)
    assert.equal(await tested.backend.has?.('expired'), false)
    assert.equal(await tested.backend.has?.('missing'), false)
    await tested.backend.delete('live')
    assert.equal(await tested.backend.has?.('live'), false)
  }),
  capability('getWithTtl', 'the value and the seconds it has left', async (tested) => {
    const { backend } = tested
    await backend.set('key', 'value', 60)
    await backend.set('forever', 'value', Number.POSITIVE_INFINITY)
    if (tested.controlled) await tested.pass(20_000)
    const found = await backend.getWithTtl?.('key')
    assert.equal(found?.value, 'value')
    const expected = tested.controlled ? 40 : 60
    assert.ok(
      Math.abs((found?.ttl ?? 0) - expected) <= 1.5,
      `${found?.ttl} s left, expected about ${expected}`,
    )
    assert.deepEqual(await backend.getWithTtl?.('forever'), { value: 'value', ttl: Number.POSITIVE_INFINITY })
    assert.equal(await backend.getWithTtl?.('missing'), null)
  }),
  capability('getWithTtl', 'null once expired', async (tested) => {
    await setExpired(tested)
    assert.equal(await tested.backend.getWithTtl?.('expired'), null)
  }),
  capability('clear', 'removes everything and says how much it was, or -1', async (tested) => {
    const keys = Array.from({ length: 10 }, (_, index) => `key:${index}`)
    await setAll(tested, keys)
    const removed = await tested.backend.clear?.()
    assert.ok(removed === 10 || removed === -1, `clear() was ${removed}`)
    for (const key of keys) assert.equal(await tested.backend.get(key), null)
    await setAll(tested, ['again'])
    assert.equal(await tested.backend.get('again'), 'value of again')
  }),
  capability('prune', 'removes what has expired and nothing else', async (tested) => {
    await setExpired(tested)
    const removed = await tested.backend.prune?.()
    assert.ok(removed === 1 || removed === 0, `prune() was ${removed}`)
    assert.equal(await tested.backend.get('expired'), null)
    assert.equal(await tested.backend.get('live'), 'value of live')
  }),
]

const many: readonly BackendCase[] = [
  capability('getMany', 'a Map of the keys that were found', async (tested) => {
    await setExpired(tested)
    await setAll(tested, ['a'])
    const found = await tested.backend.getMany?.(['a', 'missing', 'expired', 'live'])
    const expected = new Map([
      ['a', 'value of a'],
      ['live', 'value of live'],
    ])
    assert.deepEqual(found, expected)
    assert.deepEqual(await tested.backend.getMany?.([]), new Map())
  }),
  capability('setMany', 'stores all of them and says how many', async (tested) => {
    const entries = [1, 2, 3].map((n) => [`key:${n}`, `value ${n}`] as const)
    assert.equal(await tested.backend.setMany?.(new Map(entries), 60), 3)
    for (const [key, value] of entries) assert.equal(await tested.backend.get(key), value)
    assert.equal(await tested.backend.setMany?.([], 60), 0)
  }),
  capability('setMany', 'the ttl holds for each', async (tested) => {
    const ttl = tested.controlled ? 10 : 0.05
    const entries = ['a', 'b'].map((key) => [key, key] as const)
    await tested.backend.setMany?.(entries, ttl)
    await tested.pass(tested.controlled ? 10_001 : 120)
    for (const [key] of entries) assert.equal(await tested.backend.get(key), null)
  }),
  capability('deleteMany', 'deletes those that are there and says how many', async (tested) => {
    await setAll(tested, ['a', 'b', 'c'])
    assert.equal(await tested.backend.deleteMany?.(['a', 'missing', 'b']), 2)
    assert.equal(await tested.backend.get('a'), null)
    assert.equal(await tested.backend.get('b'), null)
    assert.equal(await tested.backend.get('c'), 'value of c')
    assert.equal(await tested.backend.deleteMany?.([]), 0)
  }),
  capability('keys', 'all of them, or those that match a glob', async (tested) => {
    const { backend } = tested
    await setAll(tested, ['user:1:profile', 'user:2:profile', 'user:1:orders', 'post:1'])
    assert.deepEqual(await collect(backend.keys?.()), [
      'post:1',
      'user:1:orders',
      'user:1:profile',
      'user:2:profile',
    ])
    assert.equal((await collect(backend.keys?.('user:*'))).length, 3)
    assert.deepEqual(await collect(backend.keys?.('*:profile')), ['user:1:profile', 'user:2:profile'])
    assert.deepEqual(await collect(backend.keys?.('user:1:*')), ['user:1:orders', 'user:1:profile'])
    assert.deepEqual(await collect(backend.keys?.('post:?')), ['post:1'])
    assert.deepEqual(await collect(backend.keys?.('post')), [])
    assert.deepEqual(await collect(backend.keys?.('nothing*')), [])
  }),
  capability('keys', 'everything but * and ? in a glob is itself', async (tested) => {
    await setAll(tested, ['a.b', 'axb', 'a[b]', 'a\\b', 'a+b', 'A.B', 'a%b', 'a_b'])
    for (const literal of ['a.b', 'a[b]', 'a\\b', 'a+b', 'a%b', 'a_b']) {
      assert.deepEqual(await collect(tested.backend.keys?.(literal)), [literal])
    }
    assert.equal((await collect(tested.backend.keys?.('a?b'))).length, 6)
  }),
  capability('keys', 'none that has expired', async (tested) => {
    await setExpired(tested)
    assert.deepEqual(await collect(tested.backend.keys?.()), ['live'])
  }),
  capability('keys', 'each once, also while entries are deleted and added', async (tested) => {
    const expected = Array.from({ length: 20 }, (_, index) => `old:${index}`)
    await setAll(tested, expected)
    const seen: string[] = []
    for await (const key of tested.backend.keys?.('old:*') ?? []) {
      seen.push(key)
      await tested.backend.delete(key)
      await tested.backend.set(`new:${key}`, 'value', 60)
    }
    assert.deepEqual(seen.sort(), expected.sort())
  }),
]

const observed: readonly BackendCase[] = [
  capability('stats', 'counts hits and misses until reset', async ({ backend }) => {
    const before = await backend.stats?.()
    before?.reset()
    await backend.set('key', 'value', 60)
    for (const key of ['key', 'key', 'missing']) await backend.get(key)
    const stats = await backend.stats?.()
    assert.deepEqual([stats?.hits, stats?.misses, stats?.sets], [2, 1, 1])
    assert.ok(Math.abs((stats?.hitRate ?? 0) - 2 / 3) < 0.01, `hit rate ${stats?.hitRate}`)
    stats?.reset()
    const after = await backend.stats?.()
    assert.deepEqual([after?.hits, after?.misses, after?.sets, after?.hitRate], [0, 0, 0, 0])
    assert.equal(await backend.get('key'), 'value')
  }),
  capability('stats', 'can be printed and serialised', async ({ backend }) => {
    await backend.set('key', 'value', 60)
    const stats = await backend.stats?.()
    assert.equal(String(stats).includes('\n'), false)
    assert.equal(String(stats).startsWith(`${stats?.backend}:`), true)
    const plain = stats?.toJSON() ?? {}
    for (const name of [
      'backend',
      'hits',
      'misses',
      'sets',
      'deletes',
      'evictions',
      'entries',
      'bytes',
      'hitRate',
    ]) {
      assert.ok(name in plain, `toJSON() lacks ${name}`)
    }
    for (const share of [stats?.utilization, stats?.entryUtilization]) {
      assert.ok(share !== undefined && share >= 0 && share <= 1, `a utilisation of ${share}`)
    }
  }),
  capability('health', 'healthy and connected after a successful call', async ({ backend }) => {
    await backend.set('key', 'value', 60)
    const health = await backend.health?.()
    assert.equal(health?.status, 'healthy')
    assert.equal(health?.connected, true)
  }),
]

/** What a backend may offer beyond the four methods. */
export const capabilityCases: readonly BackendCase[] = [...single, ...many, ...observed]
