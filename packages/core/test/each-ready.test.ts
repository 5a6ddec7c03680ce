import { type CacheBackend, memory, resilient, router, tiered, values } from '@stowage/core'
import { expect, onTestFinished, test } from 'vitest'

/** Refuses some keys at once, and fails later for the others. */
const halfAtOnce = (closed: string[] = []): CacheBackend => {
  const run = (key: string): Promise<never> => {
    if (key.startsWith('bad')) throw new TypeError(`no key: ${key}`)
    return Promise.reject(new Error(`no store for ${key}`))
  }
  return { get: run, set: run, delete: run, close: () => void closed.push('closed') }
}

/** What is left alone ends the process. */
const rejections = (): unknown[] => {
  const seen: unknown[] = []
  const note = (error: unknown): void => void seen.push(error)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  return seen
}

test.each<[string, () => Promise<unknown>]>([
  [
    'values().setMany',
    () =>
      values(halfAtOnce()).setMany([
        ['a', 1],
        ['bad', 1],
        ['b', 1],
      ]),
  ],
  [
    'setMany of tiers',
    async () =>
      tiered(halfAtOnce(), halfAtOnce()).setMany?.(
        [
          ['a', '1'],
          ['bad', '1'],
        ],
        60,
      ),
  ],
  ['getMany of tiers', async () => tiered(halfAtOnce(), halfAtOnce()).getMany?.(['a', 'bad', 'b'])],
  [
    'values() over a store with a count',
    async () => {
      const later = () => Promise.reject(new Error('no count'))
      await values({ ...halfAtOnce(), tags: { head: later, read: later, bump: later } }).get('bad')
    },
  ],
])(
  '%s leaves no rejection alone where a store throws for one and rejects for another',
  async (_what, run) => {
    const seen = rejections()
    await run().catch(() => undefined)
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([])
  },
)

test('a router closes every backend, though one throws', async () => {
  const closed: string[] = []
  const throwing = (): never => {
    throw new Error('it does not close')
  }
  const backend = router({ '': { ...halfAtOnce(), close: throwing }, 'a:': halfAtOnce(closed) })
  expect(() => backend.close()).toThrow('it does not close')
  expect(closed).toEqual(['closed'])
})

test.each([
  [
    'throws',
    () => {
      throw new Error('it does not close')
    },
  ],
  ['rejects', () => Promise.reject(new Error('it does not close'))],
] as const)('resilient() closes its store, though its fallback %s', async (_how, close) => {
  const closed: string[] = []
  const fallback = { ...halfAtOnce(), clear: () => memory().clear(), close }
  const backend = resilient(halfAtOnce(closed), { fallback })
  await expect((async () => backend.close())()).rejects.toThrow('it does not close')
  expect(closed).toEqual(['closed'])
})
