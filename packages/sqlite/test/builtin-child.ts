import { backendConformance, fakeClock } from '@stowage/core/testing'
import { createSite } from './site.ts'

/** Runs the suite with `node:sqlite`, and tells what came of it. */
const tests: { readonly name: string; readonly run: () => Promise<void> }[] = []
const test = (name: string, run: () => Promise<void>): void => void tests.push({ name, run })

backendConformance(
  () => {
    const clock = fakeClock()
    const site = createSite()
    return { backend: site.open({ driver: 'node:sqlite', clock }), clock, cleanup: () => site.remove() }
  },
  { test },
)

const failed: string[] = []
for (const { name, run } of tests) await run().catch((error) => failed.push(`${name}: ${error}`))
console.log(JSON.stringify({ run: tests.length, failed }))
