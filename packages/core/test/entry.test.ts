import { describe, expect, test } from 'vitest'
import { reuseFacts } from '../src/entry.ts'
import { infoOf } from '../src/info.ts'
import { storedResponse } from './stored.ts'

describe('the facts about reuse (RFC 9111 §4.2)', () => {
  const stored = storedResponse({ correctedInitialAge: 5000, responseTime: 100_000 })

  test('age counts from the response, and not backwards with the clock', () => {
    const ages = [100_000, 101_500, 90_000].map((now) => reuseFacts(stored, now, undefined).age)
    expect(ages).toEqual([5000, 6500, 5000])
  })

  test('an event tells them without the tags that are not the application’s', () => {
    const info = infoOf({ ...stored, tags: ['*', 'u:/', 't:a', 't:b'], route: '/r' }, '/?a=1', 101_000)
    expect(info).toEqual({
      key: 'k',
      url: '/?a=1',
      route: '/r',
      status: 200,
      ageMs: 6000,
      ttlMs: 54_000,
      bytes: 5,
      tags: ['a', 'b'],
    })
  })
})
