import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { file, memory, tiered } from '@stowage/core'
import { asyncBackend, backendConformance, fakeClock, mockBackend } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { sharedStore } from './shared-store.ts'

describe('memory in front of a store that answers later', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: tiered(memory({ clock }), asyncBackend(memory({ clock }))), clock }
    },
    { test },
  )
})

describe('memory in front of a store with every capability', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: tiered(memory({ clock }), sharedStore({ clock }).backend()), clock }
    },
    { test },
  )
})

describe('three tiers', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      const [l1, l2, l3] = [memory({ clock }), asyncBackend(memory({ clock })), memory({ clock })]
      return { backend: tiered([l1, l2, asyncBackend(l3)], { l1TtlRatio: 0.25 }), clock }
    },
    { test },
  )
})

describe('tiers that answer at once', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: tiered(memory({ clock }), memory({ clock })), clock }
    },
    { test },
  )
})

describe('tiers with the four methods and nothing else', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      return { backend: tiered(mockBackend({ clock }), mockBackend({ clock })), clock }
    },
    { test },
  )
})

describe('memory in front of files', () => {
  backendConformance(
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'stowage-tiered-'))
      const backend = tiered(memory(), file({ directory, cleanupInterval: Number.POSITIVE_INFINITY }))
      return { backend, cleanup: () => rm(directory, { recursive: true, force: true }) }
    },
    { test },
  )
})
