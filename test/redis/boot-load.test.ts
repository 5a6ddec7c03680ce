import { type RedisOptions, redis } from '@stowage/redis'
import { describe, expect, type onTestFinished, test } from 'vitest'
import { freePort } from '../servers/ports.ts'
import { eventually, pause, type RedisServer, startRedis, startSentinel } from '../servers/redis.ts'
import { startProxy } from '../servers/tcp-proxy.ts'
import { expectUnharmed, stage, strike } from './scene.ts'
import { circuitOf, serveSite, startLoad, untilShared, wrongAmong } from './site.ts'

type Finished = typeof onTestFinished

interface Beginning {
  readonly options: RedisOptions
  /** Ends what is wrong. */
  arrive(): Promise<unknown>
}

const served = async (finished: Finished, args: readonly string[] = []): Promise<RedisServer> => {
  const server = await startRedis({ args })
  finished(() => server.end())
  return server
}

/** In front of what listens on `port`: takes connections and says nothing, until `arrive`. */
const mute = async (finished: Finished, port: number) => {
  const proxy = await startProxy(port)
  finished(() => proxy.end())
  proxy.drop = true
  const arrive = async (): Promise<void> => {
    proxy.drop = false
  }
  return { port: proxy.port, arrive }
}

const beginnings: Readonly<Record<string, (finished: Finished) => Promise<Beginning>>> = {
  'that is not there': async (finished) => {
    const port = await freePort()
    const arrive = async (): Promise<void> => {
      const server = await startRedis({ port })
      finished(() => server.end())
    }
    return { options: { url: `redis://127.0.0.1:${port}` }, arrive }
  },
  'that is stopped': async (finished) => {
    const server = await served(finished)
    server.signal('SIGSTOP')
    return { options: { url: server.url }, arrive: async () => server.signal('SIGCONT') }
  },
  'that takes connections and says nothing': async (finished) => {
    const { port, arrive } = await mute(finished, (await served(finished)).port)
    return { options: { url: `redis://127.0.0.1:${port}` }, arrive }
  },
  'whose Sentinel takes connections and says nothing': async (finished) => {
    const sentinel = await startSentinel(await served(finished))
    finished(() => sentinel.end())
    const { port, arrive } = await mute(finished, sentinel.port)
    return { options: { sentinel: { name: 'mymaster', nodes: [`127.0.0.1:${port}`] } }, arrive }
  },
  'whose Cluster takes connections and says nothing': async (finished) => {
    const node = await served(finished, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'])
    await node.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const isUp = async () => String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')
    await eventually(isUp, 'the cluster is up')
    const { port, arrive } = await mute(finished, node.port)
    return { options: { cluster: [`redis://127.0.0.1:${port}`] }, arrive }
  },
}

describe('when the application starts', () => {
  // One after the other: what is measured are answers of a process that begins, and not what several cost each other.
  test.for(Object.entries(beginnings))(
    'a Redis %s fails no request, and is used within 2 s when that is over',
    async ([, begin], { onTestFinished }) => {
      const { options, arrive } = await begin(onTestFinished)
      const site = await serveSite(redis(options))
      const other = await serveSite(redis({ ...options, socketTimeout: '1001ms' }))
      onTestFinished(async () => void (await Promise.all([site.end(), other.end()])))
      const load = startLoad(site)
      await pause(500)
      await eventually(async () => (await circuitOf(site)) !== 'closed', 'the breaker is open', 1500)
      await arrive()
      const recoveryMs = await untilShared(site, other)
      const { answers, stallMs } = await load.stop()
      expect(wrongAmong(answers)).toEqual([])
      expect(recoveryMs).toBeLessThan(2000 + 2 * stallMs)
      expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(300 + 2 * stallMs)
    },
  )
})

describe('under load', () => {
  test.concurrent('a Redis that is loading its data fails no request, and is used within 2 s when it has them', async ({
    onTestFinished,
  }) => {
    const scene = await stage({}, onTestFinished)
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

  test.concurrent('a proxy that loses replies, so that later ones come under the wrong requests, never has a request answered with what belongs to another', async ({
    onTestFinished,
  }) => {
    const scene = await stage({}, onTestFinished)
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
