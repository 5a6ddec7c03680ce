import { memory, tiered } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend } from '@stowage/core/testing'
import { describe } from 'vitest'
import { testCase as test } from './case.ts'
import { express5, serveExpress } from './express.ts'

const serve = serveExpress(express5)

describe('Express 5 on memory in front of a store that answers later', () => {
  const backend = (clock: () => number) => tiered(memory({ clock }), asyncBackend(memory({ clock })))
  adapterConformance(serve, { test, backend })
})

describe('Express 5 on memory in front of a store that answers slowly, and fails now and then', () => {
  const backend = (clock: () => number) =>
    tiered(memory({ clock }), chaosBackend(memory({ clock }), { latency: [0, 3], failRate: 0.01 }))
  adapterConformance(serve, { test, backend })
})
