import { once } from 'node:events'
import { Agent, get } from 'node:http'
import type { Readable } from 'node:stream'
import { request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { until } from '../../packages/koa/test/support.ts'
import { frameworks, openStale } from './begun.ts'

describe.each(frameworks)('%s: a stream in the place of a stale response, over a limit', (_name, serve) => {
  test.each([
    ['stays', true],
    ['leaves with it', false],
  ])(
    'that begins after its softTimeout is stored, where the client that has the stale one %s',
    async (_, stays) => {
      const { url, made } = await openStale(serve, 'hangs', { softTimeout: '20ms' })
      const agent = new Agent({ keepAlive: stays })
      const [answer] = await once(get(url, { agent }), 'response')
      expect(answer.headers['cache-status']).toContain('soft-timeout')
      const { socket } = answer
      if (!stays) await once(socket, 'close')
      await until(() => made.length === 1, 'the stream')
      const [stream] = made as [Readable]
      stream.push('new ')
      await new Promise(setImmediate)
      stream.push('one')
      stream.push(null)
      await until(() => stream.closed, 'its end')
      expect(await request(url)).toMatchObject({ status: 200, text: 'new one' })
      expect(made.length).toBe(1)
      agent.destroy()
    },
  )

  test('that does not begin before its hardTimeout is destroyed', async () => {
    const { url, made } = await openStale(serve, 'hangs', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
    const [stream] = made as [Readable]
    await until(() => stream.destroyed, 'its end')
  })

  test('that is of events has begun with its head: their quiet is no failure, and over no limit', async () => {
    const { url } = await openStale(serve, 'is of events', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'data: new\n\n' })
  })
})
