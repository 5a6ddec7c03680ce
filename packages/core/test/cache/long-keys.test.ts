import { type MemoryBackend, memory } from '@stowage/core'
import { fakeClock } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { muteWarnings } from '../warnings.ts'
import { createSite } from './site.ts'

muteWarnings()

const keysOf = async (store: MemoryBackend): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of store.keys()) keys.push(key)
  return keys
}

const long = `/a?q=${'x'.repeat(4000)}`

test('requests that differ behind the first kilobyte of their keys have entries of their own', async () => {
  const site = createSite({ ttl: 60 }, ({ request }) => ({ body: request.url.slice(-1) }))
  for (const how of [/fwd=uri-miss/, /hit/])
    for (const end of ['1', '2']) {
      const served = await site.get(long + end)
      expect([served.body, served.how]).toEqual([end, expect.stringMatching(how)])
    }
  expect(site.runs).toHaveLength(2)
})

test('a store sees keys of a kilobyte at most, and each value has the whole key in its head', async () => {
  const clock = fakeClock()
  const store = memory({ clock })
  const site = createSite({ ttl: 60, clock, backend: store })
  await site.get(`${long}1`)
  const keys = await keysOf(store)
  expect(keys.length).toBeGreaterThan(0)
  for (const key of keys) expect(key.length).toBeLessThanOrEqual(1024)
  const values = await Promise.all(keys.map((key) => store.get(key)))
  expect(values.some((value) => value?.split('\n')[1]?.includes(long.slice(5)))).toBe(true)
})

test('an entry that lies under the shortened key of another request is a miss', async () => {
  const clock = fakeClock()
  const store = memory({ clock })
  const site = createSite({ ttl: 60, clock, backend: store }, ({ request }) => ({
    body: request.url.slice(-1),
  }))
  await site.get(`${long}1`)
  const [first] = await keysOf(store)
  await site.get(`${long}2`)
  const second = (await keysOf(store)).find((key) => key !== first)
  if (first === undefined || second === undefined) throw new Error('two entries expected')
  store.set(second, (await store.get(first)) ?? '', 60)
  const served = await site.get(`${long}2`)
  expect([served.body, served.how]).toEqual(['2', expect.stringMatching(/fwd=uri-miss/)])
})
