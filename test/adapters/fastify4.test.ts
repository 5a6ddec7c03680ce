import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { testCase } from './case.ts'
import { fastify4, serveFastify } from './fastify.ts'

/** Fastify 4 has no QUERY: what the suite asks by that method alone it cannot be asked. */
const test = (name: string, run: () => Promise<void>): void => {
  if (!name.startsWith('QUERY ')) testCase(name, run)
}

describe('Fastify 4 on memory', () => {
  adapterConformance(serveFastify(fastify4), { test })
})

describe('Fastify 4 on a store that answers later', () => {
  adapterConformance(serveFastify(fastify4), { test, backend: (clock) => asyncBackend(memory({ clock })) })
})

describe('Fastify 4 with the cache in a plugin, on a store that has four methods and nothing else', () => {
  adapterConformance(serveFastify(fastify4, 'plugin'), { test, backend: (clock) => mockBackend({ clock }) })
})

describe('Fastify 4 with the cache at preHandler of routes, on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveFastify(fastify4, 'route', 'preHandler'), { test, backend })
})
