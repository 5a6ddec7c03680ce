import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { Readable } from 'node:stream'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered, validated } from './adapter-case.ts'
import type { CaseHandler } from './case-app.ts'

const head: readonly AdapterCase[] = [
  {
    name: 'HEAD is answered from a stored GET, with its fields and without its body',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      const { headers } = await site.get('/a')
      const expected = { 'content-length': '5', 'content-type': headers['content-type'], etag: headers.etag }
      expectResponse(await site.request('HEAD', '/a'), { text: '', cache: 'hit', headers: expected })
      assert.equal(site.runs('/a'), 1)
    },
  },
  {
    name: 'HEAD that goes to the handler stores nothing',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: numbered() }] })
      for (const run of [1, 2]) {
        expectResponse(await site.request('HEAD', '/a'), { text: '', cache: 'fwd=uri-miss' })
        assert.equal(site.runs('/a'), run)
      }
      expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'HEAD that shows another version makes the stored GET response unusable',
    run: async (open) => {
      let version = 'v1'
      const site = await open({ routes: [{ path: '/a', handler: validated(() => version) }] })
      await site.get('/a')
      site.clock.advance(61_000)
      version = 'v2'
      expectResponse(await site.request('HEAD', '/a'), {
        text: '',
        cache: 'fwd=stale',
        headers: { etag: '"v2"' },
      })
      expectResponse(await site.get('/a'), { text: 'v2 of run 3', cache: 'fwd=uri-miss stored' })
    },
  },
]

const alphabet = 'abcdefghijklmnopqrstuvwxyz'

/** Ranges of it, what they come to, and what `Content-Range` says. */
const parts = [
  ['bytes=2-5', 'cdef', 'bytes 2-5/26'],
  ['bytes=-3', 'xyz', 'bytes 23-25/26'],
  ['bytes=20-99', 'uvwxyz', 'bytes 20-25/26'],
] as const

/** What asks for a range that is not given: of several parts, of an unknown unit, of another version. */
const wholes = [
  { range: 'bytes=0-1,4-5' },
  { range: 'lines=1-2' },
  { range: 'bytes=2-5', 'if-range': '"v0"' },
]

const ranges: readonly AdapterCase[] = [
  {
    name: 'a range is cut from a stored response',
    run: async (open) => {
      const fields = {
        'cache-control': 'max-age=60',
        etag: '"v1"',
        'content-type': 'text/plain; charset=utf-8',
      }
      const site = await open({
        routes: [{ path: '/a', handler: () => ({ headers: fields, body: alphabet }) }],
      })
      await site.get('/a')
      for (const [range, text, told] of parts) {
        const expected = { 'content-range': told, 'content-length': String(text.length), etag: '"v1"' }
        for (const headers of [{ range }, { range, 'if-range': '"v1"' }])
          expectResponse(
            await site.get('/a', headers),
            { status: 206, text, headers: expected, cache: 'hit' },
            range,
          )
      }
      for (const headers of wholes)
        expectResponse(
          await site.get('/a', headers),
          { text: alphabet, cache: 'hit' },
          JSON.stringify(headers),
        )
      expectResponse(await site.get('/a', { range: 'bytes=26-' }), {
        status: 416,
        text: '',
        headers: { 'content-range': 'bytes */26' },
        cache: 'hit',
      })
      assert.equal(site.runs('/a'), 1)
    },
  },
  {
    name: 'a range of what is not stored is for the handler to cut, and is not stored',
    run: async (open) => {
      const headers = { 'cache-control': 'max-age=60', 'content-range': 'bytes 2-5/26' }
      const handler: CaseHandler = (origin, run) =>
        origin.headers.range === 'bytes=2-5'
          ? { status: 206, headers, body: 'cdef' }
          : numbered()(origin, run)
      const site = await open({ routes: [{ path: '/a', handler }] })
      for (const run of [1, 2]) {
        const response = await site.get('/a', { range: 'bytes=2-5' })
        expectResponse(response, {
          status: 206,
          text: 'cdef',
          cache: 'fwd=uri-miss fwd-status=206 detail=range',
        })
        assert.equal(site.runs('/a'), run)
      }
      expectResponse(await site.get('/a'), { text: 'run 3', cache: 'fwd=uri-miss stored' })
    },
  },
]

/** Requests of every kind, and what answers them. */
const kinds = [
  { method: 'GET', path: '/a', status: 200, text: 'v1 of run 1' },
  { method: 'HEAD', path: '/a', status: 200, text: '' },
  { method: 'GET', path: '/a', headers: { 'if-none-match': '"v1"' }, status: 304, text: '' },
  { method: 'GET', path: '/a', headers: { range: 'bytes=0-1' }, status: 206, text: 'v1' },
  { method: 'GET', path: '/a', headers: { range: 'bytes=99-' }, status: 416, text: '' },
  { method: 'GET', path: '/none', status: 204, text: '' },
  { method: 'GET', path: '/stream', status: 200, text: 'ab' },
  { method: 'HEAD', path: '/stream', status: 200, text: '' },
  {
    method: 'GET',
    path: '/private',
    headers: { 'cache-control': 'only-if-cached' },
    status: 504,
    text: '',
  },
  { method: 'HEAD', path: '/private', status: 200, text: '' },
] as const

const connected: readonly AdapterCase[] = [
  {
    name: 'responses of every kind follow each other on one connection',
    run: async (open) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const site = await open({
        routes: [
          { path: '/a', handler: validated(() => 'v1') },
          { path: '/none', handler: () => ({ status: 204, headers: { 'cache-control': 'max-age=60' } }) },
          {
            path: '/stream',
            handler: () => ({ headers: { 'cache-control': 'max-age=60' }, body: Readable.from(['a', 'b']) }),
          },
          { path: '/private', handler: numbered({ 'cache-control': 'private' }) },
          { method: 'POST', path: '/a', handler: async (origin) => ({ body: await origin.body() }) },
        ],
      })
      for (const { method, path, status, text, ...options } of [...kinds, ...kinds])
        expectResponse(
          await site.request(method, path, { ...options, agent }),
          { status, text },
          `${method} ${path}`,
        )
      expectResponse(await site.request('POST', '/a', { body: 'content', agent }), { text: 'content' })
      expectResponse(await site.request('GET', '/a', { agent }), { text: 'v1 of run 2' })
      agent.destroy()
    },
  },
]

/** Responses of which only the header section, or a range, is asked for. */
export const partCases: readonly AdapterCase[] = [...head, ...ranges, ...connected]
