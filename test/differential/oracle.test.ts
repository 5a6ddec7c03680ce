import { type CacheBackend, memory } from '@stowage/core'
import { describe, expect, test } from 'vitest'
import { compare, type Subject } from './comparison.ts'
import { express5 } from './express-app.ts'
import { naiveCache } from './naive-cache.ts'
import type { Kind, Violation } from './oracle.ts'
import { seed } from './random.ts'
import { type Findings, sendTraffic } from './traffic.ts'

const kindsOf = (violations: readonly Violation[]): readonly Kind[] => [
  ...new Set(violations.map(({ kind }) => kind)),
]

const findingsOf = async (subject: Subject, requests: number, sought: readonly Kind[]): Promise<Findings> => {
  const comparison = await compare(express5, subject)
  const areFound = (violations: readonly Violation[]): boolean => {
    const kinds = kindsOf(violations)
    return sought.length > 0 && sought.every((kind) => kinds.includes(kind))
  }
  try {
    return await sendTraffic(comparison, requests, seed, areFound)
  } finally {
    await comparison.close()
  }
}

/** A store that takes invalidations and forgets them. */
const forgetful = (clock: () => number): CacheBackend => {
  const store = memory({ clock })
  return {
    get: (key) => store.get(key),
    set: (key, value, ttl) => store.set(key, value, ttl),
    delete: (key) => store.delete(key),
    close: () => store.close(),
    tags: {
      head: () => ({ epoch: 'one', seq: 0 }),
      read: (tags) => tags.map(() => 0),
      bump: () => 0,
    },
  }
}

const wrong: readonly (Subject & { readonly finds: readonly Kind[] })[] = [
  {
    name: 'a cache that keeps everything by its URL',
    front: naiveCache,
    finds: [
      'wrong-user',
      'wrong-url',
      'wrong-variant',
      'wrong-exchange',
      'stale',
      'credentials',
      'not-reusable',
    ],
  },
  {
    name: 'a cache that shares what was made for one user',
    cache: () => ({ scope: 'public', ttl: 60 }),
    finds: ['wrong-user', 'credentials'],
  },
  {
    name: 'a cache that leaves the query out of the key',
    cache: () => ({ key: { query: 'none' }, ttl: 60 }),
    finds: ['wrong-url'],
  },
  {
    name: 'a cache that leaves the host out of the key',
    cache: () => ({ key: { host: false }, ttl: 60 }),
    finds: ['wrong-url'],
  },
  {
    name: 'a cache that forgets invalidations',
    cache: (clock) => ({ backend: forgetful(clock), ttl: 60 }),
    finds: ['stale'],
  },
  {
    name: 'a cache whose clock stands still',
    cache: () => ({ clock: () => 0, ttl: 60 }),
    finds: ['stale'],
  },
]

describe('the oracle', () => {
  test.each(wrong)('finds the wrong answers of $name', { timeout: 60_000 }, async (subject) => {
    const { violations } = await findingsOf(subject, 6000, subject.finds)
    expect(kindsOf(violations), `seed ${seed}`).toEqual(expect.arrayContaining([...subject.finds]))
  })

  test('has nothing against an application without a cache', { timeout: 60_000 }, async () => {
    const { violations, counts } = await findingsOf({ name: 'no cache' }, 1500, [])
    // The one field that is for the cache alone reaches the client there.
    const others = violations.filter(({ detail }) => detail !== 'stowage-cache-control: must not leave')
    expect(others, `seed ${seed}`).toEqual([])
    expect(counts.own).toBeGreaterThan(1000)
    expect(counts.reused).toBe(0)
  })
})
