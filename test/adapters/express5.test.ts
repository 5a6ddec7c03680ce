import { memory, resilient } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { testCase as test } from './case.ts'
import { express5, serveExpress } from './express.ts'

describe('Express 5 on memory', () => {
  adapterConformance(serveExpress(express5), { test })
})

describe('Express 5 on a store that answers later', () => {
  adapterConformance(serveExpress(express5), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Express 5 on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveExpress(express5), { test, backend })
})

describe('Express 5 on a resilient store that fails now and then', () => {
  const backend = (clock: () => number) =>
    resilient(chaosBackend(memory({ clock }), { latency: [0, 3], failRate: 0.005 }), {
      retryBackoffBase: '2ms',
      deadline: 5,
    })
  adapterConformance(serveExpress(express5), { test, backend })
})

describe('Express 5 on a store that has four methods and nothing else', () => {
  adapterConformance(serveExpress(express5), { test, backend: (clock) => mockBackend({ clock }) })
})

describe.each(['router', 'sub-application', 'route'] as const)(
  'Express 5 with the cache at a %s',
  (placement) => {
    adapterConformance(serveExpress(express5, placement), { test })
  },
)
