import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CacheRequest, createCache, type Decision } from '@stowage/core'
import { redis } from '@stowage/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../servers/ports.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heldBytes = (): number => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const requestFor = (id: number): CacheRequest => ({
  method: 'GET',
  url: `/items/${id}`,
  authority: 'shop.example',
  scheme: 'http',
  headers: {},
  raw: undefined,
})

const body = Buffer.alloc(64, 'a')
const headers = { 'content-type': 'text/plain', 'cache-control': 'max-age=600' }

const answer = async (decision: Decision): Promise<void> => {
  if (decision.action !== 'forward') throw new Error('nothing was stored for it')
  decision.respond({ status: 200, headers, body })
  decision.write(body)
  await decision.end()
}

describe('a Redis that stays away', () => {
  test('leaves no more behind after 60,000 requests and 1,200 invalidations than after half of them', async () => {
    const cache = createCache({ backend: redis({ url: `redis://127.0.0.1:${await freePort()}` }) })
    onTestFinished(() => cache.close())
    let refused = 0
    let id = 0
    const ask = async (): Promise<void> => {
      const own = ++id
      await answer(await cache.lookup(requestFor(own)))
      if (own % 50 === 0) await cache.invalidate({ tags: [`item:${own}`] }).catch(() => refused++)
    }
    const askMany = async (times: number): Promise<void> => {
      for (let round = 0; round < times / 50; round++) await Promise.all(Array.from({ length: 50 }, ask))
    }
    await askMany(30_000)
    const before = heldBytes()
    await askMany(30_000)
    expect(heldBytes() - before).toBeLessThan(5_000_000)
    expect(refused).toBe(1200)
  })
})
