import { Agent, createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { cacheStatusOf, expectCached, expectNotCached, open, request } from '@stowage/core/testing'
import { describe, expect, onTestFinished, test } from 'vitest'

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with the request as it has come. */
const mirror: RequestListener = async (req, res) => {
  const { method, url, rawHeaders } = req
  res.end(JSON.stringify({ method, url, rawHeaders, body: (await buffer(req)).toString() }))
}

const mirrored = async (...given: Parameters<typeof request>) => JSON.parse((await request(...given)).text)

describe('request', () => {
  test('sends target and fields as they are given, and nothing else but Host and Connection', async () => {
    const url = await serve(mirror)
    const host = ['Host', url.slice('http://'.length)]
    expect(
      await mirrored(`${url}/a/../b//c%7e?x=[1]&&`, { headers: { 'X-Odd': 'a', accept: ['b', 'c'] } }),
    ).toEqual({
      method: 'GET',
      url: '/a/../b//c%7e?x=[1]&&',
      rawHeaders: ['X-Odd', 'a', 'accept', 'b', 'accept', 'c', ...host, 'Connection', 'close'],
      body: '',
    })
    expect(await mirrored(url)).toMatchObject({ url: '/', rawHeaders: [...host, 'Connection', 'close'] })
    expect(await mirrored(url, { headers: { host: 'other.example' } })).toMatchObject({
      rawHeaders: ['host', 'other.example', 'Connection', 'close'],
    })
  })

  test('frames a body by its length, and a stream in chunks', async () => {
    const url = await serve(mirror)
    const text = await mirrored(url, { method: 'POST', body: 'é' })
    expect(text).toMatchObject({ method: 'POST', body: 'é' })
    expect(text.rawHeaders.slice(0, 2)).toEqual(['content-length', '2'])
    const stream = new PassThrough()
    stream.write('a')
    setImmediate(() => stream.end('b'))
    const chunked = await mirrored(url, { method: 'PUT', body: stream })
    expect(chunked.body).toBe('ab')
    expect(chunked.rawHeaders.slice(0, 2)).toEqual(['transfer-encoding', 'chunked'])
  })

  test('resolves with all of the response', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(201, 'Made', [
        ['X-Two', 'a'],
        ['X-Two', 'b'],
        ['Trailer', 'X-Last'],
      ])
      res.write(Buffer.from([0, 255]))
      res.addTrailers({ 'X-Last': 'yes' })
      res.end()
    })
    const { status, reason, headers, rawHeaders, body, trailers } = await request(url)
    expect([status, reason, headers['x-two'], trailers]).toEqual([201, 'Made', 'a, b', { 'x-last': 'yes' }])
    expect(rawHeaders.slice(0, 4)).toEqual(['X-Two', 'a', 'X-Two', 'b'])
    expect([...body]).toEqual([0, 255])
  })

  test('rejects where the response is cut off, and where it is aborted', async () => {
    const url = await serve((req, res) => {
      if (req.url === '/silent') return
      res.writeHead(200, { 'content-length': '10' })
      res.write('12345', () => void (req.url === '/cut' && res.destroy()))
    })
    await expect(request(`${url}/cut`)).rejects.toThrow()
    for (const path of ['/silent', '/open']) {
      const leaving = new AbortController()
      const gone = expect(request(url + path, { signal: leaving.signal })).rejects.toThrow()
      setImmediate(() => leaving.abort())
      await gone
    }
    await expect(request('http://127.0.0.1:1')).rejects.toThrow()
  })

  test('keeps a connection where an agent says so', async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((req, res) => {
      ports.add(req.socket.remotePort)
      res.end()
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; n < 3; n++) await request(url, { agent })
    expect(ports.size).toBe(1)
    agent.destroy()
    for (let n = 0; n < 3; n++) await request(url)
    expect(ports.size).toBe(4)
  })
})

test('open gives the pieces of a body as they come', async () => {
  const body = new PassThrough()
  const url = await serve((_req, res) => void body.pipe(res.writeHead(200)))
  body.write('first')
  const started = await open(url)
  expect(started.status).toBe(200)
  expect(String(await started.read())).toBe('first')
  body.end('second')
  expect((await started.finish()).text).toBe('second')
  expect(await started.read()).toBeNull()
})

describe('Cache-Status', () => {
  test.each([
    ['stowage; hit; ttl=5', { hit: '', ttl: '5' }],
    ['a; hit, stowage; fwd=uri-miss;stored', { fwd: 'uri-miss', stored: '' }],
    ['"a, b"; hit; key="x; y=\\", z", c; fwd=stale', { fwd: 'stale' }],
    ['stowage; hit; key="x; y=\\", z"', { hit: '', key: '"x; y=\\", z"' }],
    ['stowage', {}],
    [undefined, {}],
  ])('%s', (field, expected) => {
    const headers = field === undefined ? {} : { 'cache-status': field }
    expect(Object.fromEntries(cacheStatusOf({ headers }))).toEqual(expected)
  })

  test('tells whether a second answer came from the cache', async () => {
    let asked = 0
    const url = await serve((req, res) => {
      asked += 1
      const hit = req.url === '/cached' && asked > 1
      res.setHeader('cache-status', hit ? 'stowage; hit; ttl=5' : 'stowage; fwd=uri-miss')
      res.end(`answer ${asked}`)
    })
    expect((await expectCached(`${url}/cached`)).text).toBe('answer 2')
    await expect(expectNotCached(`${url}/cached`)).rejects.toThrow(
      /^cached: .*\/cached: 200, Cache-Status "stowage; hit/,
    )
    expect((await expectNotCached(`${url}/other`)).text).toBe('answer 6')
    await expect(expectCached(`${url}/other`)).rejects.toThrow(/^not cached: .*\/other: 200, .*fwd=uri-miss/)
  })
})
