import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { testCase as test } from './case.ts'
import { fastify5, serveFastify } from './fastify.ts'

describe('Fastify 5 on memory', () => {
  adapterConformance(serveFastify(fastify5), { test })
})

describe('Fastify 5 on a store that answers later', () => {
  adapterConformance(serveFastify(fastify5), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Fastify 5 on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveFastify(fastify5), { test, backend })
})

describe('Fastify 5 on a store that has four methods and nothing else', () => {
  adapterConformance(serveFastify(fastify5), { test, backend: (clock) => mockBackend({ clock }) })
})

describe.each(['plugin', 'route'] as const)('Fastify 5 with the cache of a %s', (placement) => {
  adapterConformance(serveFastify(fastify5, placement), { test })
})

describe.each(['application', 'plugin', 'route'] as const)(
  'Fastify 5 with the cache at preHandler, of %s',
  (placement) => {
    adapterConformance(serveFastify(fastify5, placement, 'preHandler'), { test })
  },
)
