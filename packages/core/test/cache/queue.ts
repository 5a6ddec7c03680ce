import {
  type CacheOptions,
  type CacheRequest,
  createCache,
  type Decision,
  type FieldMap,
  type Forward,
  memory,
} from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { type Answer, forwardOf, requestOf, respond, type Served, servedOf } from './site.ts'

/** Requests that arrive one after the other and are answered when the test says so. */
export const createQueue = (options: CacheOptions = {}) => {
  const clock = fakeClock()
  const cache = createCache({ clock, backend: memory({ clock }), ...options })
  const decided: (Decision | undefined)[] = []
  const ask = (url = '/a', headers: FieldMap = {}, more: Partial<CacheRequest> = {}): void => {
    const index = decided.push(undefined) - 1
    void Promise.resolve(cache.lookup(requestOf(url, headers, more))).then((decision) => {
      decided[index] = decision
    })
  }
  /** Each request: `waits`, or how it was answered or goes forward. */
  const states = async (): Promise<string[]> => {
    await turns()
    return decided.map((decision) => {
      if (decision === undefined) return 'waits'
      return decision.action === 'forward' ? `forward ${decision.reason}` : servedOf(decision.response).how
    })
  }
  const forward = (index: number): Forward => {
    const decision = decided[index]
    if (decision === undefined) throw new Error(`request ${index} waits`)
    return forwardOf(decision)
  }
  return {
    cache,
    clock,
    ask,
    states,
    forward,
    answer: (index: number, answer: Answer): Promise<Served> => respond(forward(index), answer),
  }
}

/** Enough turns of the event loop for everything that is under way to come to rest. */
export const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
