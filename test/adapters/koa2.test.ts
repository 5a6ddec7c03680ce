import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { Koa2 } from '../../packages/koa/test/koa.ts'
import { testCase as test } from './case.ts'
import { serveKoa } from './koa.ts'

describe('Koa 2 on memory', () => {
  adapterConformance(serveKoa(Koa2), { test })
})

describe('Koa 2 with the cache at a router, on a store that answers later', () => {
  adapterConformance(serveKoa(Koa2, 'router'), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Koa 2 with the cache in a mounted application, on a store that has four methods and nothing else', () => {
  adapterConformance(serveKoa(Koa2, 'mounted application'), {
    test,
    backend: (clock) => mockBackend({ clock }),
  })
})

describe('Koa 2 with the cache at a route, on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveKoa(Koa2, 'route'), { test, backend })
})
