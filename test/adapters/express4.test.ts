import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { testCase as test } from './case.ts'
import { express4, serveExpress } from './express.ts'

describe('Express 4 on memory', () => {
  adapterConformance(serveExpress(express4), { test })
})

describe('Express 4 on a store that answers later', () => {
  adapterConformance(serveExpress(express4), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Express 4 on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveExpress(express4), { test, backend })
})

describe('Express 4 on a store that has four methods and nothing else', () => {
  adapterConformance(serveExpress(express4), { test, backend: (clock) => mockBackend({ clock }) })
})

describe.each(['router', 'sub-application', 'route'] as const)(
  'Express 4 with the cache at a %s',
  (placement) => {
    adapterConformance(serveExpress(express4, placement), { test })
  },
)
