import { memory } from '@stowage/core'
import { asyncBackend } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { scaled } from '../scale.ts'
import { compare, type Subject } from './comparison.ts'
import { dimensions } from './dimensions.ts'
import { frameworks } from './frameworks.ts'
import { seed } from './random.ts'
import { shapesFor } from './shapes.ts'
import { type Count, report, sendTraffic } from './traffic.ts'

const subjects: readonly (Subject & { readonly requests: number })[] = [
  { name: 'without a policy', cache: () => ({}), requests: scaled(8000, 40_000) },
  {
    name: 'with a policy for everything, behind a proxy',
    cache: () => ({ ttl: 30, staleWhileRevalidate: 10, staleIfError: 20 }),
    trustProxy: true,
    requests: scaled(8000, 40_000),
  },
  {
    name: 'with a store that answers later',
    cache: (clock) => ({ backend: asyncBackend(memory({ clock })), ttl: 30 }),
    requests: scaled(4000, 20_000),
  },
]

/** Of a thousand requests at least so many: with less of it, the run would show little. */
const leastOfThousand: Readonly<Partial<Record<Count, number>>> = {
  own: 300,
  reused: 150,
  collapsed: 3,
  notModified: 5,
  partial: 0.5,
  left: 10,
  unsafe: 15,
  invalidations: 2,
}

/** The engine is one: where it has met all of them behind the first adapter, half show what another translates. */
const shares = frameworks.map((framework, index) => ({
  name: framework.name,
  framework,
  share: index === 0 ? 1 : 0.5,
}))

describe.each(shares)('random requests to $name', ({ framework, share }) => {
  test('come from at least 60 kinds of handlers and 40 fields', () => {
    expect(shapesFor(framework).length).toBeGreaterThanOrEqual(60)
    expect(new Set(shapesFor(framework).map(({ name }) => name)).size).toBe(shapesFor(framework).length)
    expect(new Set(dimensions.map(({ field }) => field)).size).toBeGreaterThanOrEqual(40)
  })

  test.each(subjects)('are answered as without the cache, $name', { timeout: 300_000 }, async (subject) => {
    const comparison = await compare(framework, subject)
    const requests = Math.ceil(subject.requests * share)
    try {
      const findings = await sendTraffic(comparison, requests, seed)
      expect(report(findings, seed)).toBe('')
      const rare = Object.entries(leastOfThousand).filter(
        ([count, least]) => findings.counts[count as Count] < (least * requests) / 1000,
      )
      expect(rare, `seed ${seed}: ${JSON.stringify(findings.counts)}`).toEqual([])
    } finally {
      await comparison.close()
    }
  })
})
