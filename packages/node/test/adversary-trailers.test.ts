import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import * as http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { memory } from '@stowage/core'
import { fakeClock, request } from '@stowage/core/testing'
import { cached } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fresh } from './cached.ts'
import { type Listener, listen } from './plain.ts'

/** Answers once, and then fails, when it has said what its trailers are. */
const failing = (fail: (response: ServerResponse) => unknown) => {
  const clock = fakeClock()
  let runs = 0
  const listener: Listener = (_, response) => {
    runs += 1
    response.setHeader('Cache-Control', fresh)
    response.setHeader('Trailer', 'X-Sum')
    response.addTrailers({ 'X-Sum': `of ${runs}` })
    if (runs > 1) return fail(response)
    response.write('body')
    return response.end()
  }
  const options = { clock, backend: memory({ clock }), staleIfError: '10m', hardTimeout: '500ms' }
  const handler = cached(listener, options as never)
  handler.on('error', () => undefined)
  return { clock, handler }
}

const ways: readonly (readonly [string, (response: ServerResponse) => unknown])[] = [
  ['destroys its response', (response) => response.destroy()],
  ['throws', () => Promise.reject(new Error('on purpose'))],
  ['answers with 503', (response) => Object.assign(response, { statusCode: 503 }).end('failed')],
  ['is told to stop', () => undefined],
]

describe.each(ways)('the trailers of a handler that %s do not follow the stale response', (_, fail) => {
  test('over HTTP/2', async () => {
    const { clock, handler } = failing(fail)
    const server = http2.createServer((incoming, response) => {
      response.addTrailers({ 'X-Outer': 'in front' })
      handler(incoming, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    onTestFinished(async () => {
      client.destroy()
      await new Promise((resolve) => server.close(resolve))
    })
    const ask = async () => {
      const stream = client.request({ ':path': '/' })
      let trailers: http2.IncomingHttpHeaders | undefined
      let text = ''
      stream.on('trailers', (received) => {
        trailers = received
      })
      stream.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      await once(stream, 'close')
      return { text, outer: trailers?.['x-outer'], sum: trailers?.['x-sum'] }
    }
    expect(await ask()).toEqual({ text: 'body', outer: 'in front', sum: 'of 1' })
    clock.advance(90_000)
    expect(await ask()).toEqual({ text: 'body', outer: 'in front', sum: undefined })
  })

  test('over HTTP/1.1, where what stands in front sends it in chunks', async () => {
    const { clock, handler } = failing(fail)
    const inChunks: Listener = (incoming, response) => {
      const { writeHead } = response
      response.writeHead = ((status: number, fields: never) => {
        response.removeHeader('Content-Length')
        return writeHead.call(response, status, fields)
      }) as never
      handler(incoming, response)
    }
    const url = `http://127.0.0.1:${await listen(createServer((...given) => void inChunks(...given)))}/`
    expect(await request(url)).toMatchObject({ text: 'body', trailers: { 'x-sum': 'of 1' } })
    clock.advance(90_000)
    const stale = await request(url)
    expect(stale).toMatchObject({ text: 'body', headers: { 'transfer-encoding': 'chunked' } })
    expect(stale.trailers).toEqual({})
  })
})
