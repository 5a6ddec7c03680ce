import { memory } from '@stowage/core'
import { adapterConformance, asyncBackend, chaosBackend, mockBackend } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { behindExpress, behindKoa, serveNode } from './node.ts'

describe('node:http on memory', () => {
  adapterConformance(serveNode(), { test, routes: false })
})

describe('node:http on a store that answers later', () => {
  const backend = (clock: () => number) => asyncBackend(memory({ clock }))
  adapterConformance(serveNode(), { test, routes: false, backend })
})

describe('node:http on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveNode(), { test, routes: false, backend })
})

describe('node:http on a store that has four methods and nothing else', () => {
  adapterConformance(serveNode(), { test, routes: false, backend: (clock) => mockBackend({ clock }) })
})

describe('in front of an Express application', () => {
  adapterConformance(serveNode(behindExpress), { test, routes: false })
})

describe('in front of a Koa application', () => {
  adapterConformance(serveNode(behindKoa), { test, routes: false })
})
