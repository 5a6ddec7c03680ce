import { createCache, memory, values } from '@stowage/core'
import { asyncBackend, chaosBackend, type FakeClock, fakeClock } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite } from './site.ts'

muteWarnings()

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume))
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await nextTurn()
}

/** Something that many wait for, released by hand: each run answers with its number. */
const gate = () => {
  const releases: (() => void)[] = []
  const run = async (): Promise<number> => {
    const number = releases.length + 1
    await new Promise<void>((resume) => releases.push(resume))
    return number
  }
  return { run, releases }
}

const openSite = (faults: object) => {
  const backend = chaosBackend(asyncBackend(memory()), faults)
  const { run, releases } = gate()
  const site = createSite({ ttl: 60, backend, backendDeadline: '5s' }, async () => ({
    body: `run ${await run()}`,
  }))
  return { backend, site, cache: site.cache, releases }
}

describe('while the invalidation state cannot be read, a request', () => {
  test('joins a run that began at most a second ago', async () => {
    const { site, releases, cache } = openSite({ failRate: 1 })
    const first = site.get('/a')
    await turns()
    site.clock.advance(1000)
    const second = site.get('/a')
    await turns()
    for (const release of releases) release()
    expect((await first).body).toBe('run 1')
    expect((await second).body).toBe('run 1')
    await cache.close()
  })

  test('waits for no run that began earlier, but for one that began since', async () => {
    const { site, releases, cache } = openSite({ failRate: 1 })
    const first = site.get('/a')
    await turns()
    site.clock.advance(1001)
    const second = site.get('/a')
    await turns()
    site.clock.advance(500)
    const crowd = Promise.all(Array.from({ length: 50 }, () => site.get('/a')))
    await turns()
    expect(releases).toHaveLength(2)
    for (const release of releases) release()
    expect((await first).body).toBe('run 1')
    expect((await second).body).toBe('run 2')
    expect(new Set((await crowd).map(({ body }) => body))).toEqual(new Set(['run 2']))
    await cache.close()
  })

  test('takes a clock that was set back for no reason to join an old run', async () => {
    const { site, releases, cache } = openSite({ failRate: 1 })
    const first = site.get('/a')
    await turns()
    site.clock.advance(-864_000_000)
    const second = site.get('/a')
    await turns()
    for (const release of releases) release()
    expect([(await first).body, (await second).body]).toEqual(['run 1', 'run 2'])
    await cache.close()
  })

  test('that waited for an old run while the state could be read does not get what it brought', async () => {
    const { site, releases, backend, cache } = openSite({})
    const first = site.get('/a')
    await turns()
    site.clock.advance(1001)
    const crowd = Promise.all(Array.from({ length: 50 }, () => site.get('/a')))
    await turns()
    expect(releases).toHaveLength(1)
    backend.chaos.set({ failRate: 1 })
    releases[0]?.()
    expect((await first).body).toBe('run 1')
    while (releases.length < 2) await nextTurn()
    await turns()
    expect(releases).toHaveLength(2)
    releases[1]?.()
    expect(new Set((await crowd).map(({ body }) => body))).toEqual(new Set(['run 2']))
    await cache.close()
  })

  test('that waits goes on where the later of two runs is lost, or the earlier', async () => {
    const { site, releases, cache } = openSite({ failRate: 1 })
    const early = await site.decide('/a')
    const waiting = site.get('/a')
    await turns()
    site.clock.advance(1001)
    const late = site.get('/a')
    await turns()
    if (early.action === 'forward') early.abort()
    await turns()
    for (const release of releases) release()
    expect((await late).body).toBe('run 1')
    expect((await waiting).body).toBe('run 1')
    await cache.close()
  })
})

describe.each([
  ['values()', (clock: FakeClock, backend: ReturnType<typeof chaosBackend>) => values(backend, { clock })],
  [
    'a cache',
    (clock: FakeClock, backend: ReturnType<typeof chaosBackend>) =>
      createCache({ backend, clock, backendDeadline: '5s' }),
  ],
])('while the invalidation state cannot be read, getOrSet of %s', (_name, make) => {
  const open = () => {
    const clock = fakeClock()
    const backend = chaosBackend(asyncBackend(memory()), { failRate: 1 })
    const { run, releases } = gate()
    const cache = make(clock, backend)
    return { clock, releases, cache, get: () => cache.getOrSet('k', run) }
  }

  test('joins a load that began at most a second ago', async () => {
    const { clock, releases, get, cache } = open()
    const first = get()
    await turns()
    clock.advance(1000)
    const second = get()
    await turns()
    for (const release of releases) release()
    expect([await first, await second]).toEqual([1, 1])
    await cache.close()
  })

  test('waits for no load that began earlier, but for one that began since', async () => {
    const { clock, releases, get, cache } = open()
    const first = get()
    await turns()
    clock.advance(1001)
    const second = get()
    await turns()
    clock.advance(500)
    const crowd = Promise.all(Array.from({ length: 50 }, get))
    await turns()
    expect(releases).toHaveLength(2)
    for (const release of releases) release()
    expect([await first, await second]).toEqual([1, 2])
    expect(new Set(await crowd)).toEqual(new Set([2]))
    await cache.close()
  })
})
