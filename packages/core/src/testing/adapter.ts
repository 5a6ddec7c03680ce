import { type CacheBackend, memory } from '@stowage/core'
import type { ServeApp } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { choiceCases } from './adapter-choices.ts'
import { collapseCases } from './adapter-collapse.ts'
import { conditionCases } from './adapter-conditions.ts'
import { contentCases } from './adapter-content.ts'
import { faultCases } from './adapter-faults.ts'
import { handlerCases } from './adapter-handler.ts'
import { invalidationCases } from './adapter-invalidation.ts'
import { leaderCases } from './adapter-leader.ts'
import { overtakingCases } from './adapter-overtaking.ts'
import { partCases } from './adapter-parts.ts'
import { policyCases } from './adapter-policies.ts'
import { reuseCases } from './adapter-reuse.ts'
import { assertNoOtherErrors, openSite, type Site } from './adapter-site.ts'
import { staleCases } from './adapter-stale.ts'
import { storingCases } from './adapter-storing.ts'
import { streamCases } from './adapter-streams.ts'
import { timeoutCases } from './adapter-timeouts.ts'
import { varyCases } from './adapter-vary.ts'
import type { ConformanceRunner } from './backend.ts'
import type { CaseApp } from './case-app.ts'
import { type FakeClock, fakeClock } from './clock.ts'

/**
 * Where the tests go, and what they run on.
 *
 * @example
 * const runner: AdapterRunner = { test, backend: (clock) => asyncBackend(memory({ clock })) }
 */
export interface AdapterRunner extends ConformanceRunner {
  /** Makes a fresh, empty backend, once for each test. Default: `memory({ clock })`. */
  backend?: (clock: FakeClock) => CacheBackend
  /** Whether routes can have policies and invalidations of their own. Default true; false leaves out what needs them. */
  routes?: boolean
}

/**
 * The tests that every adapter must pass, over real sockets: each serves an application of its own, asks it, and looks
 * at how often its handlers have run, at what came back, and at the reason in Cache-Status. Freshness goes by a fake
 * clock.
 *
 * @example
 * import { test } from 'vitest'
 * adapterConformance(serve, { test })
 */
export const adapterConformance = (serve: ServeApp, runner: AdapterRunner): void => {
  const { test, backend = (clock) => memory({ clock }), routes = true } = runner
  for (const each of adapterCases) {
    if (each.needs === 'routes' && !routes) continue
    test(each.name, () => runCase(serve, each, backend))
  }
}

const adapterCases: readonly AdapterCase[] = [
  ...reuseCases,
  ...conditionCases,
  ...partCases,
  ...varyCases,
  ...storingCases,
  ...streamCases,
  ...collapseCases,
  ...leaderCases,
  ...staleCases,
  ...invalidationCases,
  ...overtakingCases,
  ...handlerCases,
  ...contentCases,
  ...policyCases,
  ...choiceCases,
  ...timeoutCases,
  ...faultCases,
]

const runCase = async (
  serve: ServeApp,
  { run }: AdapterCase,
  backend: (clock: FakeClock) => CacheBackend,
): Promise<void> => {
  const opened: (readonly [Site, CaseApp])[] = []
  try {
    await run(async (app) => {
      const clock = fakeClock()
      const site = await openSite(serve, app, clock, backend(clock))
      opened.push([site, app])
      return site
    })
    for (const [site, app] of opened) assertNoOtherErrors(site, app)
  } finally {
    for (const [site] of opened) await site.close()
  }
}
