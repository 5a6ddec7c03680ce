import { backendConformance, fakeClock } from '@stowage/core/testing'
import { describe, test } from 'vitest'
import { chooseDriver } from '../src/driver-choice.ts'
import { createSite } from './site.ts'

/** The one that is used where nobody asks for another; `builtin.test.ts` sees to node:sqlite. */
const { name: driver } = chooseDriver(undefined)

describe(`sqlite() with ${driver}`, () => {
  backendConformance(
    () => {
      const clock = fakeClock()
      const site = createSite()
      return { backend: site.open({ clock, driver }), clock, cleanup: () => site.remove() }
    },
    { test },
  )
})
