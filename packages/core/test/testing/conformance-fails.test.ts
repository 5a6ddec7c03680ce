import { type CacheBackend, memory, type SyncTagState } from '@stowage/core'
import { type BackendSubject, backendConformance, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'

type Flaw = (sound: ReturnType<typeof memory>, clock: () => number) => Partial<CacheBackend>

/** The titles of the tests that a backend fails: a sound one with some members replaced. */
const failures = async (flaw: Flaw): Promise<readonly string[]> => {
  const runs: { name: string; run: () => Promise<void> }[] = []
  const factory = (): BackendSubject => {
    const clock = fakeClock()
    const sound = memory({ clock })
    const flawed = flaw(sound, clock)
    const proxy = new Proxy(sound, {
      get: (target, name) => {
        const value: unknown = Reflect.get(name in flawed ? flawed : target, name)
        return typeof value === 'function' ? value.bind(name in flawed ? flawed : target) : value
      },
    })
    return { backend: proxy, clock }
  }
  backendConformance(factory, { test: (name, run) => runs.push({ name, run }) })
  const failed: string[] = []
  for (const { name, run } of runs) {
    await run().catch(() => failed.push(name))
  }
  return failed
}

async function* list(keys: Iterable<string>): AsyncGenerator<string> {
  yield* keys
}

const tagsWith = (tags: SyncTagState, changed: Partial<SyncTagState>): SyncTagState => ({
  head: () => tags.head(),
  read: (names) => tags.read(names),
  bump: (names) => tags.bump(names),
  ...changed,
})

test('the method of these tests finds nothing wrong with a sound backend', async () => {
  expect(await failures(() => ({}))).toEqual([])
})

describe('the conformance suite fails a backend that', () => {
  test.each<[string, Flaw, string]>([
    [
      'ignores the ttl',
      (sound) => ({ set: (key, value) => sound.set(key, value, Number.POSITIVE_INFINITY) }),
      'a value is gone when its ttl is over',
    ],
    [
      'takes the ttl for milliseconds',
      (sound) => ({ set: (key, value, ttl) => sound.set(key, value, ttl / 1000) }),
      'a value is gone when its ttl is over',
    ],
    [
      'rounds the ttl up to whole seconds',
      (sound) => ({ set: (key, value, ttl) => sound.set(key, value, Math.ceil(ttl)) }),
      'a ttl with a fraction is neither rounded down to nothing nor up to the next second',
    ],
    [
      'rounds the ttl down to whole seconds',
      (sound) => ({ set: (key, value, ttl) => sound.set(key, value, Math.floor(ttl)) }),
      'a ttl with a fraction is neither rounded down to nothing nor up to the next second',
    ],
    [
      'keeps time in 32 bits of milliseconds',
      (sound) => ({ set: (key, value, ttl) => sound.set(key, value, ((ttl * 1000) | 0) / 1000) }),
      'a ttl of 60 days lasts 60 days',
    ],
    [
      'has a timer for each entry',
      (sound) => ({
        set: (key, value, ttl) => {
          sound.set(key, value, ttl)
          const fires = ttl * 1000 < 2 ** 31 ? ttl * 1000 : 1
          if (ttl !== Number.POSITIVE_INFINITY) setTimeout(() => sound.delete(key), fires).unref()
        },
      }),
      'a ttl of 60 days lasts 60 days',
    ],
    [
      'prolongs the ttl with every read',
      (sound) => ({
        get: (key) => {
          const value = sound.get(key)
          if (value !== null) sound.set(key, value, 10)
          return value
        },
      }),
      'reading does not prolong the ttl',
    ],
    [
      'mixes up keys of the same beginning',
      (sound) => ({
        get: (key) => sound.get(key.slice(0, 1024)),
        set: (key, value, ttl) => sound.set(key.slice(0, 1024), value, ttl),
      }),
      'keys that resemble each other, paths, patterns or code are each their own',
    ],
    [
      'answers with the value read before',
      (sound) => {
        let last: string | null = null
        return {
          get: (key) => {
            const answer = last
            last = sound.get(key)
            return answer ?? last
          },
        }
      },
      'what is set is got, as often as it is asked for',
    ],
    [
      'is blind to case',
      (sound) => ({
        get: (key) => sound.get(key.toLowerCase()),
        set: (key, value, ttl) => sound.set(key.toLowerCase(), value, ttl),
        delete: (key) => sound.delete(key.toLowerCase()),
      }),
      'keys that differ only in case do not collide',
    ],
    [
      'throws where it has nothing to delete',
      (sound) => ({
        delete: (key) => {
          if (!sound.has(key)) throw new Error('no such key')
          sound.delete(key)
        },
      }),
      'deleting what is not there is no error',
    ],
    [
      'takes the key of a delete for a pattern',
      (sound) => ({
        delete: async (key) => {
          for await (const found of sound.keys(key)) sound.delete(found)
        },
      }),
      'deleting a key that looks like a pattern or a path deletes that key alone',
    ],
    [
      'answers undefined for null',
      (sound) => ({ get: (key) => (sound.get(key) ?? undefined) as string | null }),
      'a key that was never set is null',
    ],
    [
      'takes an empty value for none',
      (sound) => ({ get: (key) => sound.get(key) || null }),
      'values come back unchanged, whatever characters they have',
    ],
    [
      'trims values',
      (sound) => ({ get: (key) => sound.get(key)?.trim() ?? null }),
      'values come back unchanged, whatever characters they have',
    ],
    [
      'keeps one byte for a character',
      (sound) => ({
        set: (key, value, ttl) => sound.set(key, Buffer.from(value, 'latin1').toString('latin1'), ttl),
      }),
      'values come back unchanged, whatever characters they have',
    ],
    [
      'cuts long values short',
      (sound) => ({ set: (key, value, ttl) => sound.set(key, value.slice(0, 65_536), ttl) }),
      'a value of 1 MB comes back unchanged',
    ],
    [
      'keeps the first value',
      (sound) => ({
        set: (key, value, ttl) => {
          if (!sound.has(key)) sound.set(key, value, ttl)
        },
      }),
      'a second set replaces the first',
    ],
    [
      'throws after close',
      (sound) => ({
        get: (key) => {
          if (!sound.health().connected) throw new Error('closed')
          return sound.get(key)
        },
      }),
      'after close nothing is stored and nothing fails',
    ],
    [
      'finds expired keys by has()',
      () => ({ has: () => true }),
      'has, where it exists: says what get would find',
    ],
    [
      'has a has that is no function',
      () => ({ has: true }) as unknown as Partial<CacheBackend>,
      'has, where it exists: says what get would find',
    ],
    [
      'counts in clear() what it leaves there',
      () => ({ clear: () => 10 }),
      'clear, where it exists: removes everything and says how much it was, or -1',
    ],
    [
      'fills getMany with nulls',
      (sound) => ({
        getMany: (keys) => new Map(keys.map((key) => [key, sound.get(key) as string])),
      }),
      'getMany, where it exists: a Map of the keys that were found',
    ],
    [
      'counts in deleteMany what was not there',
      (sound) => ({
        deleteMany: (keys) => {
          sound.deleteMany(keys)
          return keys.length
        },
      }),
      'deleteMany, where it exists: deletes those that are there and says how many',
    ],
    [
      'forgets the ttl in setMany',
      (sound) => ({ setMany: (entries) => sound.setMany(entries, Number.POSITIVE_INFINITY) }),
      'setMany, where it exists: the ttl holds for each',
    ],
    [
      'takes the pattern of keys() for a regular expression',
      (sound) => ({
        keys: (pattern) => sound.keys(pattern?.replaceAll('.', '?').replaceAll('[b]', '?')),
      }),
      'keys, where it exists: everything but * and ? in a glob is itself',
    ],
    [
      'lists expired keys',
      (sound) => ({ keys: () => list(['expired', ...(sound.has('live') ? ['live'] : [])]) }),
      'keys, where it exists: none that has expired',
    ],
    [
      'says the whole ttl instead of what is left',
      (sound) => ({
        getWithTtl: (key) => {
          const found = sound.getWithTtl(key)
          return found && found.ttl < 60 ? { ...found, ttl: 60 } : found
        },
      }),
      'getWithTtl, where it exists: the value and the seconds it has left',
    ],
    [
      'prunes what is alive',
      (sound) => ({ prune: () => sound.clear() }),
      'prune, where it exists: removes what has expired and nothing else',
    ],
    [
      'counts no misses',
      (sound) => ({
        stats: () =>
          Object.assign(Object.create(sound.stats()), { misses: 0, reset: () => sound.stats().reset() }),
      }),
      'stats, where it exists: counts hits and misses until reset',
    ],
    [
      'advances the count of tags without atomicity',
      (sound) => ({
        tags: tagsWith(sound.tags, {
          bump: (async (names: readonly string[]) => {
            const { seq } = sound.tags.head()
            await Promise.resolve()
            sound.tags.bump(names)
            return seq + 1
          }) as unknown as SyncTagState['bump'],
        }),
      }),
      'tags, where they exist: bumps at the same time each have a count of their own',
    ],
    [
      'has a new epoch at each head()',
      (sound, clock) => ({
        tags: tagsWith(sound.tags, {
          head: () => ({ epoch: `${clock()}${Math.random()}`, seq: sound.tags.head().seq }),
        }),
      }),
      'tags, where they exist: the epoch stays while the state lives',
    ],
    [
      'reads tags in an order of its own',
      (sound) => ({ tags: tagsWith(sound.tags, { read: (names) => [...sound.tags.read(names)].sort() }) }),
      'tags, where they exist: bump advances the count by one and is the count of every tag given',
    ],
  ])('%s', async (_title, flaw, expected) => {
    expect(await failures(flaw)).toContain(expected)
  })

  test('cannot be closed twice', async () => {
    const failed: string[] = []
    const runs: Promise<unknown>[] = []
    backendConformance(
      () => {
        const backend = mockBackend()
        const close = (): void => {
          if (backend.calls.some((call) => call.operation === 'close')) throw new Error('closed already')
          backend.close()
        }
        return { backend: { ...backend, close }, advance: () => undefined }
      },
      { test: (name, run) => runs.push(run().catch(() => failed.push(name))) },
    )
    await Promise.all(runs)
    expect(failed).toContain('close can be called twice')
  })
})

test('the conformance suite cleans up after each test, also after one that fails', async () => {
  const events: string[] = []
  const runs: (() => Promise<void>)[] = []
  backendConformance(
    () => ({
      backend: { ...mockBackend(), get: () => 'always', close: () => void events.push('close') },
      cleanup: () => events.push('cleanup'),
    }),
    { test: (_name, run) => runs.push(run) },
  )
  const [missing] = runs
  await expect(missing?.()).rejects.toThrow('always')
  expect(events).toEqual(['close', 'cleanup'])
})
