import { memory } from '@stowage/core'
import {
  type AdapterRunner,
  adapterConformance,
  asyncBackend,
  chaosBackend,
  mockBackend,
} from '@stowage/core/testing'
import { describe, expect, test as run } from 'vitest'
import { testCase } from './case.ts'
import { behindExpress, behindKoa, needRoutes, serveNode } from './node.ts'

const leftOut = new Set<string>()

const test: AdapterRunner['test'] = (name, body) => {
  if (needRoutes.has(name)) leftOut.add(name)
  else testCase(name, body)
}

run('only what needs routes is left out of the suite', () => {
  expect(leftOut).toEqual(needRoutes)
})

describe('node:http on memory', () => {
  adapterConformance(serveNode(), { test })
})

describe('node:http on a store that answers later', () => {
  const backend = (clock: () => number) => asyncBackend(memory({ clock }))
  adapterConformance(serveNode(), { test, backend })
})

describe('node:http on a store that answers slowly', () => {
  const backend = (clock: () => number) => chaosBackend(memory({ clock }), { latency: [0, 3] })
  adapterConformance(serveNode(), { test, backend })
})

describe('node:http on a store that has four methods and nothing else', () => {
  adapterConformance(serveNode(), { test, backend: (clock) => mockBackend({ clock }) })
})

describe('in front of an Express application', () => {
  adapterConformance(serveNode(behindExpress), { test })
})

describe('in front of a Koa application', () => {
  adapterConformance(serveNode(behindKoa), { test })
})
