import { memory } from '@stowage/core'
import {
  asyncBackend,
  type BackendSubject,
  backendConformance,
  chaosBackend,
  fakeClock,
  mockBackend,
} from '@stowage/core/testing'
import { describe, test } from 'vitest'

describe('memory() with a clock', () => {
  backendConformance(
    (): BackendSubject => {
      const clock = fakeClock()
      return { backend: memory({ clock }), clock }
    },
    { test },
  )
})

describe('memory() in real time', () => {
  backendConformance(() => ({ backend: memory() }), { test })
})

describe('mockBackend(), which has four methods only', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: mockBackend({ clock }), advance: (ms) => clock.advance(ms) }
    },
    { test },
  )
})

describe('asyncBackend(memory())', () => {
  backendConformance(
    async () => {
      const clock = fakeClock()
      return { backend: asyncBackend(memory({ clock })), clock }
    },
    { test },
  )
})

describe('chaosBackend(memory()) that is only slow', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: chaosBackend(memory({ clock }), { latency: [0, 1] }), clock }
    },
    { test },
  )
})
