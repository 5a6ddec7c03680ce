import { backendConformance, fakeClock } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { createSite } from './site.ts'

describe('sqlite() with better-sqlite3', () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      const site = createSite()
      return { backend: site.open({ clock, driver: 'better-sqlite3' }), clock, cleanup: () => site.remove() }
    },
    { test },
  )
})
