import { memory, resilient } from '@stowage/core'
import {
  asyncBackend,
  type BackendSubject,
  backendConformance,
  chaosBackend,
  fakeClock,
  mockBackend,
} from '@stowage/core/testing'
import { describe, test } from 'vitest'

const onMemory =
  (wrap: (store: ReturnType<typeof memory>) => BackendSubject['backend']) => (): BackendSubject => {
    const clock = fakeClock()
    return { backend: wrap(memory({ clock })), clock }
  }

describe('resilient(memory())', () => {
  backendConformance(
    onMemory((store) => resilient(store)),
    { test },
  )
})

describe('resilient(memory()) with a fallback', () => {
  backendConformance(
    onMemory((store) => resilient(store, { fallback: true })),
    { test },
  )
})

describe('resilient(asyncBackend(memory()))', () => {
  backendConformance(
    onMemory((store) => resilient(asyncBackend(store))),
    { test },
  )
})

describe('resilient(chaosBackend(memory())) with few faults', () => {
  backendConformance(
    onMemory((store) =>
      resilient(
        chaosBackend(store, {
          failRate: 0.03,
          only: ['get', 'set', 'delete', 'has', 'tags.head', 'tags.read'],
        }),
        { retryBackoffBase: '1ms', retryAttempts: 5, deadline: 10 },
      ),
    ),
    { test },
  )
})

describe('resilient(mockBackend()), which has four methods only', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: resilient(mockBackend({ clock })), advance: (ms) => clock.advance(ms) }
    },
    { test },
  )
})
