import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { Koa3 } from '../../packages/koa/test/koa.ts'
import { testCase as test } from './case.ts'
import { serveKoa } from './koa.ts'

describe('Koa 3 on memory', () => {
  adapterConformance(serveKoa(Koa3), { test })
})

describe('Koa 3 on a store that answers later', () => {
  adapterConformance(serveKoa(Koa3), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Koa 3 on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveKoa(Koa3), { test, backend })
})

describe('Koa 3 on a store that has four methods and nothing else', () => {
  adapterConformance(serveKoa(Koa3), { test, backend: (clock) => mockBackend({ clock }) })
})

describe.each(['router', 'mounted application', 'route'] as const)(
  'Koa 3 with the cache at a %s',
  (placement) => {
    adapterConformance(serveKoa(Koa3, placement), { test })
  },
)
