import { type CachePolicy, createCache, type Decision, type Forward } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { forwardOf, requestOf, respond, servedOf } from './site.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Requests that are looked up in front of a route, and come to it when they are told. */
const createRoute = (front: CachePolicy['collapse'], collapse: CachePolicy['collapse']) => {
  const clock = fakeClock()
  const cache = createCache(front === undefined ? { clock } : { clock, collapse: front })
  const rules = cache.policy(collapse === undefined ? { ttl: 60 } : { ttl: 60, collapse })
  const states: string[] = []
  const forwards: Forward[] = []
  const note = (index: number, decision: Decision): void => {
    if (decision.action === 'forward') forwards[index] = decision
    states[index] =
      decision.action === 'forward'
        ? 'forward'
        : `${decision.response.status} ${servedOf(decision.response).how}`
  }
  const settled = async (): Promise<readonly string[]> => {
    await vi.advanceTimersByTimeAsync(0)
    return states
  }
  const ask = async (): Promise<void> => {
    const index = states.push('waits') - 1
    void Promise.resolve(cache.lookup(requestOf('/a'))).then((decision) => note(index, decision))
    await settled()
  }
  const reach = async (index: number): Promise<void> => {
    const forward = forwards[index] as Forward
    states[index] = 'waits'
    void Promise.resolve(cache.refine(forward, rules)).then((decision) => note(index, decision))
    await settled()
  }
  const answer = (index: number) => respond(forwardOf(forwards[index] as Decision), { body: `of ${index}` })
  const abort = (index: number): void => forwards[index]?.abort()
  return { ask, reach, answer, abort, settled }
}

describe('a route that says how its handler is waited for', () => {
  test('is heard by those who wait in front of it, before and after it is reached', async () => {
    const route = createRoute(undefined, { wait: '100ms', onTimeout: 503 })
    await route.ask()
    await route.ask()
    await vi.advanceTimersByTimeAsync(1000)
    await route.reach(0)
    await route.ask()
    expect(await route.settled()).toEqual(['forward', 'waits', 'waits'])
    await vi.advanceTimersByTimeAsync(101)
    const late = '503 stowage; detail=collapse-timeout'
    expect(await route.settled()).toEqual(['forward', late, late])
  })

  test('is heard after the one that reached it is lost', async () => {
    const route = createRoute(undefined, { wait: '1s', onTimeout: 503 })
    await route.ask()
    await route.reach(0)
    await route.ask()
    await route.ask()
    route.abort(0)
    expect(await route.settled()).toEqual(['forward', 'forward', 'waits'])
    await route.ask()
    await vi.advanceTimersByTimeAsync(1001)
    const late = '503 stowage; detail=collapse-timeout'
    expect(await route.settled()).toEqual(['forward', 'forward', late, late])
  })

  test('and does not want that has each run its own', async () => {
    const route = createRoute(undefined, false)
    await route.ask()
    await route.ask()
    await route.reach(0)
    await route.ask()
    expect(await route.settled()).toEqual(['forward', 'forward', 'forward'])
  })

  test('and wants that under a cache that does not has the others wait at the route', async () => {
    const route = createRoute(false, true)
    await route.ask()
    await route.ask()
    await route.reach(0)
    await route.reach(1)
    expect(await route.settled()).toEqual(['forward', 'waits'])
    await route.answer(0)
    expect((await route.settled())[1]).toBe('200 stowage; fwd=uri-miss; ttl=60; collapsed')
  })

  test('as the cache does leaves those who wait alone', async () => {
    const route = createRoute({ wait: '1s' }, undefined)
    await route.ask()
    await route.ask()
    await vi.advanceTimersByTimeAsync(900)
    await route.reach(0)
    await vi.advanceTimersByTimeAsync(99)
    expect(await route.settled()).toEqual(['forward', 'waits'])
    await vi.advanceTimersByTimeAsync(2)
    expect(await route.settled()).toEqual(['forward', 'forward'])
  })
})

test('several routes on the way of one request have nobody run its own, whoever they wait for is lost', async () => {
  const cache = createCache({ clock: fakeClock() })
  const routes = ([8, 9] as const).map((wait) => cache.policy({ ttl: 60, collapse: { wait } }))
  const forwards: Forward[] = []
  for (let asked = 0; asked < 9; asked++)
    void Promise.resolve(cache.lookup(requestOf('/a'))).then((decision) => forwards.push(forwardOf(decision)))
  for (let lost = 0; lost < 5; lost++) {
    await vi.advanceTimersByTimeAsync(0)
    expect(forwards).toHaveLength(lost + 1)
    for (const rules of routes) {
      await cache.refine(forwards[lost] as Forward, rules)
      await vi.advanceTimersByTimeAsync(0)
    }
    forwards[lost]?.abort()
  }
})
