import { EventEmitter, once } from 'node:events'
import { get, type ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { describe, expect, test } from 'vitest'
import { until } from '../../packages/koa/test/support.ts'
import { etag, frameworks, openStale, streams } from './begun.ts'

describe.each(frameworks)('%s: a stream in the place of a stale response', (_name, serve) => {
  test('that fails is stood in for by a stale response, and nothing is stored', async () => {
    const { url } = await openStale(serve, 'fails')
    for (let round = 0; round < 2; round += 1)
      expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that does not begin in time is stood in for by a stale response', async () => {
    const { url } = await openStale(serve, 'hangs', { hardTimeout: '20ms' })
    expect(await request(url)).toMatchObject({ status: 200, text: 'old' })
  })

  test('that begins is sent and stored', async () => {
    for (const [kind, text] of [
      ['begins', 'new one'],
      ['is empty', ''],
    ] as const) {
      const { url, made } = await openStale(serve, kind)
      for (let round = 0; round < 2; round += 1)
        expect(await request(url)).toMatchObject({ status: 200, text })
      expect(made.length).toBe(1)
    }
  })

  test('whose client leaves before is destroyed', async () => {
    const { url, made } = await openStale(serve, 'hangs')
    const asked = get(url).on('error', () => undefined)
    await until(() => made.length === 1, 'the stream')
    const [stream] = made as [Readable]
    const closed = once(stream, 'close')
    stream.on('error', () => undefined)
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })
  test('whose client has left before it was made is destroyed', async () => {
    const clock = fakeClock()
    const events = new EventEmitter()
    const stream = streams.hangs().on('error', () => undefined)
    let runs = 0
    const answer = async (response: ServerResponse): Promise<unknown> => {
      runs += 1
      if (runs === 1) return 'old'
      events.emit('entered')
      await once(response, 'close')
      return stream
    }
    const url = await serve(answer, { clock, backend: memory({ clock }), staleIfError: '10m' })
    await request(`${url}/`)
    clock.advance(90_000)
    const entered = once(events, 'entered')
    const closed = once(stream, 'close')
    const asked = get(url).on('error', () => undefined)
    await entered
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })

  test('whose client leaves while it is recorded, for that one has it already, is destroyed', async () => {
    const { url, made } = await openStale(serve, 'stops')
    const asked = get(url, { headers: { 'if-none-match': etag } }).on('error', () => undefined)
    await until(() => made[0]?.readableFlowing === true, 'the stream')
    const [stream] = made as [Readable]
    const closed = once(stream, 'close')
    asked.destroy()
    await closed
    expect(stream.destroyed).toBe(true)
  })
})

// Koa 2 knows none of the web's.
describe.each(frameworks.filter(([name]) => name !== 'Koa 2'))(
  '%s: a web stream in the place of a stale response',
  (_name, serve) => {
    test('that fails is stood in for as well', async () => {
      const clock = fakeClock()
      let runs = 0
      const failing = { pull: () => Promise.reject(new Error('on purpose')) }
      const answer = (): unknown => {
        runs += 1
        return runs === 1 ? 'old' : new ReadableStream(failing)
      }
      const url = await serve(answer, { clock, backend: memory({ clock }), staleIfError: '10m' })
      await request(`${url}/`)
      clock.advance(90_000)
      expect(await request(`${url}/`)).toMatchObject({ status: 200, text: 'old' })
      expect(runs).toBe(2)
    })
  },
)
