import { createServer as createPlain } from 'node:http'
import * as http2 from 'node:http2'
import { createServer as createSecure, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fakeClock } from '@stowage/core/testing'
import { cached, type Http2Listener } from '@stowage/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask2, fresh } from './cached.ts'
import { ask, listen } from './plain.ts'
import { cert, key } from './tls.ts'

const askSecurely = (port: number, headers: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const asking = request({ port, headers, agent: false, rejectUnauthorized: false }, (response) => {
      response.setEncoding('utf8').on('data', resolve)
    })
    asking.on('error', reject).end()
  })

const listen2 = async (server: http2.Http2Server | http2.Http2SecureServer): Promise<number> => {
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => sessions.add(session))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

test('HTTPS is another scheme: what is stored for one is not given to the other', async () => {
  let runs = 0
  const handler = cached((req, res) => {
    runs += 1
    res.setHeader('Cache-Control', fresh)
    res.end('encrypted' in req.socket ? 'https' : 'http')
  })
  const secure = await listen(createSecure({ key, cert }, handler) as never)
  const plain = await listen(createPlain(handler))
  const headers = { host: 'h.example' }
  for (const turn of [1, 2]) {
    expect(await askSecurely(secure, headers), `${turn}`).toBe('https')
    expect((await ask(plain, '/', { headers })).text).toBe('http')
  }
  expect(runs).toBe(2)
})

describe.each([
  ['with TLS', true],
  ['without TLS', false],
] as const)('HTTP/2 %s', (_, secure) => {
  const serve = async (listener: Http2Listener, options: Parameters<typeof cached>[1] = {}) => {
    const handler = cached(listener, options)
    const server = secure ? http2.createSecureServer({ key, cert }, handler) : http2.createServer(handler)
    return { handler, origin: `${secure ? 'https' : 'http'}://localhost:${await listen2(server)}` }
  }

  test('hits, conditions, HEAD and refreshes', async () => {
    const clock = fakeClock()
    let runs = 0
    const { handler, origin } = await serve(
      (_request, response) => {
        runs += 1
        response.writeHead(200, { 'Cache-Control': fresh, ETag: '"v1"' })
        response.write('in ')
        response.end('parts')
      },
      { clock, staleWhileRevalidate: '1m' },
    )
    expect(await ask2(origin, '/a')).toMatchObject({ status: 200, text: 'in parts' })
    expect(await ask2(origin, '/a')).toEqual({ status: 200, text: 'in parts', cache: 'stowage; hit; ttl=60' })
    expect((await ask2(origin, '/a', { 'if-none-match': '"v1"' })).status).toBe(304)
    expect(await ask2(origin, '/a', { ':method': 'HEAD' })).toMatchObject({ status: 200, text: '' })
    expect(await ask2(origin, '/a', { range: 'bytes=3-7' })).toMatchObject({ status: 206, text: 'parts' })
    expect(runs).toBe(1)
    clock.advance(70_000)
    const refreshed = new Promise((resolve) => handler.on('refresh', resolve))
    expect((await ask2(origin, '/a')).cache).toContain('detail=swr')
    expect(await refreshed).toMatchObject({ ok: true })
  })

  test('a Host beside another :authority names two hosts: such a request is not looked up', async () => {
    const { origin } = await serve((request, response) => {
      response.setHeader('Cache-Control', fresh)
      response.end(String(request.headers.host))
    })
    const forged = { ':authority': new URL(origin).host, host: 'evil.example' }
    expect((await ask2(origin, '/a', forged)).cache).toContain('detail=target')
    const { text, cache } = await ask2(origin, '/a')
    expect([text, cache]).toEqual(['undefined', 'stowage; fwd=uri-miss; fwd-status=200; ttl=60; stored'])
  })
})
