import type { CacheBackend, MaybePromise } from '@stowage/core'
import { atomicCases } from './backend-atomic.ts'
import { capabilityCases } from './backend-capabilities.ts'
import type { BackendCase, Tested } from './backend-case.ts'
import { contractCases } from './backend-contract.ts'
import { expiryCases } from './backend-expiry.ts'
import { keyCases } from './backend-keys.ts'
import { tagCases } from './backend-tags.ts'
import type { FakeClock } from './clock.ts'

/**
 * A fresh, empty backend and the means to let time pass for it: its clock, or a function that moves its time by some
 * milliseconds. With neither the suite really waits, a second or two in all.
 *
 * @example
 * const subject: BackendSubject = { backend: myBackend({ directory }), cleanup: () => rm(directory, { recursive: true }) }
 */
export interface BackendSubject {
  backend: CacheBackend
  clock?: FakeClock
  advance?(ms: number): MaybePromise<unknown>
  /** Called when the test is over and the backend closed. */
  cleanup?(): MaybePromise<unknown>
}

/**
 * Where the tests go: `test` of `vitest`, of `node:test`, or of any runner like them.
 *
 * @example
 * const runner: ConformanceRunner = { test }
 */
export interface ConformanceRunner {
  test: (name: string, run: () => Promise<void>) => unknown
}

/**
 * The tests that every backend must pass: the contract of the four methods, and of each further capability that it
 * has. `factory` is called once for each test; the backend is closed after it.
 *
 * @example
 * import { test } from 'vitest'
 * backendConformance(() => {
 *   const clock = fakeClock()
 *   return { backend: memory({ clock }), clock }
 * }, { test })
 */
export const backendConformance = (
  factory: () => MaybePromise<BackendSubject>,
  { test }: ConformanceRunner,
): void => {
  for (const { name, run } of backendCases) {
    test(name, async () => {
      const subject = await factory()
      try {
        await run(tested(subject))
      } finally {
        await subject.backend.close()
        await subject.cleanup?.()
      }
    })
  }
}

const backendCases: readonly BackendCase[] = [
  ...contractCases,
  ...keyCases,
  ...expiryCases,
  ...capabilityCases,
  ...tagCases,
  ...atomicCases,
]

const tested = (subject: BackendSubject): Tested => ({
  backend: subject.backend,
  controlled: subject.clock !== undefined || subject.advance !== undefined,
  pass: async (ms) => {
    if (subject.advance !== undefined) await subject.advance(ms)
    else if (subject.clock !== undefined) subject.clock.advance(ms)
    else await new Promise((resume) => setTimeout(resume, ms))
  },
})
