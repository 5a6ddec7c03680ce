import { redis } from '@stowage/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually, freePort, pause, startRedis } from '../servers/redis.ts'
import { expectUnharmed, stage, strike } from './scene.ts'
import { circuitOf, serveSite, startLoad, untilShared, wrongAmong } from './site.ts'

describe('a Redis that is not there when the application starts', () => {
  test('fails no request, and is used within 2 s of its start', async () => {
    const port = await freePort()
    const url = `redis://127.0.0.1:${port}`
    const site = await serveSite(redis({ url }))
    const other = await serveSite(redis({ url, socketTimeout: '1001ms' }))
    onTestFinished(async () => void (await Promise.all([site.end(), other.end()])))
    const load = startLoad(site)
    await pause(1500)
    expect(await circuitOf(site)).not.toBe('closed')
    const server = await startRedis({ port })
    onTestFinished(() => server.end())
    const recoveryMs = await untilShared(site, other)
    const { answers, stallMs } = await load.stop()
    expect(wrongAmong(answers)).toEqual([])
    expect(recoveryMs).toBeLessThan(2200 + 2 * stallMs)
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(450 + 2 * stallMs)
  })
})

describe('a Redis that is loading its data', () => {
  test('fails no request, and is used within 2 s when it has them', async () => {
    const scene = await stage()
    for (let n = 0; n < 40; n++) await scene.server.command('SET', `filler ${n}`, 'x'.repeat(2000))
    await scene.server.command('CONFIG', 'SET', 'rdbcompression', 'no')
    await scene.server.command('SAVE')
    const outcome = await strike(scene, async () => {
      const slow = ['--key-load-delay', '25000', '--loading-process-events-interval-bytes', '1024']
      scene.server = await scene.server.restart(slow)
      await expect(scene.server.command('GET', 'filler 0')).rejects.toThrow('LOADING')
      return () => eventually(() => scene.server.command('GET', 'filler 0').then(() => true), 'it has loaded')
    })
    expectUnharmed(outcome)
  })
})

describe('a proxy that loses replies, so that later ones come under the wrong requests', () => {
  test('never has a request answered with what belongs to another', async () => {
    const scene = await stage()
    const outcome = await strike(scene, async ({ proxy }) => {
      let replies = 0
      proxy.onReply = (chunk) => (++replies % 7 === 0 ? undefined : chunk)
      return async () => {
        proxy.onReply = (chunk) => chunk
      }
    })
    expectUnharmed(outcome)
    expect(scene.proxy.connections).toBeGreaterThan(3)
  })
})
