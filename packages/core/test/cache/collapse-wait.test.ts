import {
  type CacheOptions,
  createCache,
  type Decision,
  type FieldMap,
  type Forward,
  memory,
} from '@stowage/core'
import { type FakeClock, fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { forwardOf, requestOf, respond, servedOf } from './site.ts'

const fresh: FieldMap = { 'cache-control': 'max-age=60' }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const createQueue = (options: CacheOptions = {}) => {
  const clock: FakeClock = fakeClock()
  const cache = createCache({ clock, backend: memory({ clock }), ...options })
  const decided: (Decision | undefined)[] = []
  const ask = (headers: FieldMap = {}): void => {
    const index = decided.push(undefined) - 1
    void Promise.resolve(cache.lookup(requestOf('/a', headers))).then((decision) => {
      decided[index] = decision
    })
  }
  const states = async (): Promise<string[]> => {
    await vi.advanceTimersByTimeAsync(0)
    return decided.map((decision) => {
      if (decision === undefined) return 'waits'
      if (decision.action === 'forward') return 'forward'
      return `${decision.response.status} ${servedOf(decision.response).how}`
    })
  }
  const forward = (index: number): Forward => forwardOf(decided[index] as Decision)
  /** Fills `/a` and lets it become stale by a second. */
  const withStale = async (): Promise<void> => {
    ask()
    await states()
    await respond(forward(0), { headers: fresh, body: 'old' })
    clock.advance(61_000)
    decided.length = 0
  }
  return { cache, clock, ask, states, forward, withStale }
}

describe('waiting', () => {
  test('ends after 5 seconds by default: then each runs its own handler', async () => {
    const queue = createQueue()
    queue.ask()
    queue.ask()
    await vi.advanceTimersByTimeAsync(4999)
    expect(await queue.states()).toEqual(['forward', 'waits'])
    await vi.advanceTimersByTimeAsync(2)
    expect(await queue.states()).toEqual(['forward', 'forward'])
    // Who comes to a handler as slow as that does not begin to wait.
    queue.ask()
    expect((await queue.states())[2]).toBe('forward')
  })

  test('ends when the policy says so', async () => {
    const queue = createQueue({ collapse: { wait: '100ms' } })
    queue.ask()
    queue.ask()
    await vi.advanceTimersByTimeAsync(99)
    expect(await queue.states()).toEqual(['forward', 'waits'])
    await vi.advanceTimersByTimeAsync(2)
    expect(await queue.states()).toEqual(['forward', 'forward'])
  })

  test('takes 1000 requests; the next run their own handlers', async () => {
    const queue = createQueue()
    for (let i = 0; i < 1005; i++) queue.ask()
    const states = await queue.states()
    expect(states.filter((state) => state === 'waits')).toHaveLength(1000)
    expect(states.filter((state) => state === 'forward')).toHaveLength(5)
  })

  test('of a late leader’s response: it is stored all the same', async () => {
    const queue = createQueue()
    queue.ask()
    await queue.states()
    await vi.advanceTimersByTimeAsync(20_000)
    await respond(queue.forward(0), { headers: fresh, body: 'late' })
    queue.ask()
    expect((await queue.states())[1]).toBe('200 stowage; hit; ttl=60')
  })

  test('leaves no timer behind', async () => {
    const queue = createQueue()
    for (let i = 0; i < 100; i++) queue.ask()
    await queue.states()
    expect(vi.getTimerCount()).toBe(1)
    await respond(queue.forward(0), { headers: { 'cache-control': 'no-store' } })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('when patience ends with a stale response at hand', () => {
  const rows: readonly [title: string, options: CacheOptions, expected: string][] = [
    ['"run" runs the handler', { collapse: { onTimeout: 'run' } }, 'forward'],
    [
      '"stale" answers with it',
      { collapse: { onTimeout: 'stale' } },
      '200 stowage; hit; ttl=-1; detail=collapse-timeout',
    ],
    [
      '"stale" runs the handler where it may not stand in',
      { collapse: { onTimeout: 'stale' }, staleIfError: 0 },
      'forward',
    ],
    ['503 says to come again', { collapse: { onTimeout: 503 } }, '503 stowage; detail=collapse-timeout'],
  ]
  test.each(rows)('%s', async (_title, options, expected) => {
    const queue = createQueue(options)
    await queue.withStale()
    queue.ask()
    queue.ask()
    expect(await queue.states()).toEqual(['forward', 'waits'])
    await vi.advanceTimersByTimeAsync(5001)
    expect((await queue.states())[1]).toBe(expected)
  })

  test('a 503 says when, and is not to be stored', async () => {
    const queue = createQueue({ collapse: { onTimeout: 503 } })
    queue.ask()
    const waiting = Promise.resolve(queue.cache.lookup(requestOf('/a')))
    await vi.advanceTimersByTimeAsync(5001)
    const decision = await waiting
    expect(decision.action).toBe('reuse')
    if (decision.action === 'reuse')
      expect(servedOf(decision.response).headers).toMatchObject({
        'retry-after': '1',
        'cache-control': 'no-store',
      })
  })
})
