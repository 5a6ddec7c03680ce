import { memory, tiered, values } from '@stowage/core'
import { backendConformance } from '@stowage/core/testing'
import { redis } from '@stowage/redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../../test/servers/redis.ts'

let server: RedisServer
let namespaces = 0

beforeAll(async () => {
  server = await startRedis()
}, 200_000)
afterAll(() => server.end())

const open = (namespace: string) => tiered(memory(), redis({ url: server.url, namespace }))

describe('memory in front of redis()', () => {
  backendConformance(() => ({ backend: open(`run ${++namespaces}`) }), { test: test.concurrent })
})

describe('two of them on one Redis', () => {
  const pair = async () => {
    const namespace = `run ${++namespaces}`
    const channel = `${namespace}{}!tiered`
    const both = [open(namespace), open(namespace)] as const
    onTestFinished(async () => void (await Promise.all(both.map((each) => each.close()))))
    for (const each of both) await each.connect?.()
    for (const each of both) await each.tags?.head()
    const listening = async () =>
      String(await server.command('PUBSUB', 'NUMSUB', channel))
        .split(',')
        .at(-1)
    await expect.poll(listening).toBe('2')
    return both
  }

  test('tell each other what they invalidate', async () => {
    const [one, two] = await pair()
    expect(await two.tags?.read(['a', 'b'])).toEqual([0, 0])
    const seq = await one.tags?.bump(['a'])
    await expect.poll(async () => (await two.tags?.head())?.seq).toBe(seq)
    expect(await two.tags?.read(['a', 'b'])).toEqual([seq, 0])
  })

  test('tell each other what values they change', async () => {
    const [one, two] = await pair()
    const [mine, other] = [values(one), values(two)]
    await mine.set('user', 'old')
    expect(await other.get('user')).toBe('old')
    await mine.set('user', 'new')
    await expect.poll(() => other.get('user')).toBe('new')
    await mine.clear()
    await expect.poll(() => other.get('user')).toBeUndefined()
  })
})
