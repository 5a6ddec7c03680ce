import assert from 'node:assert/strict'
import type { OriginRequest } from './adapter-app.ts'
import type { AdapterCase, CaseHandler } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'

const modified = 'Thu, 27 Dec 2029 00:00:00 GMT'

/** A version that lasts: 304 to whoever has it. */
const validated =
  (version: () => string, cacheControl = 'max-age=60'): CaseHandler =>
  ({ headers }, run) => {
    const fields = { 'cache-control': cacheControl, etag: `"${version()}"`, 'x-run': String(run) }
    if (headers['if-none-match'] === fields.etag) return { status: 304, headers: fields }
    return {
      headers: { ...fields, 'content-type': 'text/plain; charset=utf-8' },
      body: `${version()} of run ${run}`,
    }
  }

const validation: readonly AdapterCase[] = [
  {
    name: 'a stale response is validated with its own validators, and freshened by 304',
    run: async (open) => {
      const asked: (string | readonly string[] | undefined)[] = []
      const handler = validated(() => 'v1')
      const site = await open({
        routes: [
          {
            path: '/a',
            handler: (origin, run) => {
              asked.push(origin.headers['if-none-match'])
              return handler(origin, run)
            },
          },
        ],
      })
      await site.get('/a')
      site.clock.advance(61_000)
      const freshened = { text: 'v1 of run 1', headers: { 'x-run': '2', age: '0' } }
      expectResponse(await site.get('/a'), { ...freshened, cache: 'fwd=stale fwd-status=304 stored ttl=60' })
      expectResponse(await site.get('/a'), { ...freshened, cache: 'hit ttl=60' })
      assert.deepEqual(asked, [undefined, '"v1"'])
    },
  },
  {
    name: 'a stale response is replaced by a new one',
    run: async (open) => {
      let version = 'v1'
      const site = await open({ routes: [{ path: '/a', handler: validated(() => version) }] })
      await site.get('/a')
      version = 'v2'
      site.clock.advance(61_000)
      expectResponse(await site.get('/a'), { text: 'v2 of run 2', cache: 'fwd=stale fwd-status=200 stored' })
      expectResponse(await site.get('/a'), { text: 'v2 of run 2', cache: 'hit' })
    },
  },
  {
    name: 'no-cache on a response has every reuse validated',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: validated(() => 'v1', 'no-cache') }] })
      await site.get('/a')
      for (const run of [2, 3])
        expectResponse(await site.get('/a'), {
          text: 'v1 of run 1',
          headers: { 'x-run': String(run) },
          cache: 'fwd=stale fwd-status=304 stored',
        })
    },
  },
]

const conditions: readonly AdapterCase[] = [
  {
    name: "the client's conditions are answered from the stored response",
    run: async (open) => {
      const handler = numbered({ 'cache-control': 'max-age=60', etag: '"v1"', 'last-modified': modified })
      const site = await open({ routes: [{ path: '/a', handler }] })
      const first = await site.get('/a')
      const tag = '"v1"'
      const holding = [
        { 'if-none-match': tag },
        { 'if-none-match': `"v0", W/${tag}` },
        { 'if-none-match': '*' },
        { 'if-modified-since': modified },
      ]
      for (const headers of holding) {
        const response = await site.get('/a', headers)
        const about = JSON.stringify(headers)
        expectResponse(response, { status: 304, text: '', cache: 'hit', headers: { etag: tag } }, about)
        assert.equal(response.headers['content-type'], undefined, about)
      }
      const failing = [
        { 'if-none-match': '"v0"' },
        { 'if-none-match': '"v0"', 'if-modified-since': modified },
        { 'if-modified-since': 'Mon, 01 Jan 2029 00:00:00 GMT' },
      ]
      for (const headers of failing)
        expectResponse(
          await site.get('/a', headers),
          { text: first.text, cache: 'hit' },
          JSON.stringify(headers),
        )
      assert.equal(site.runs('/a'), 1)
    },
  },
  {
    name: "a handler whose answer is to be stored does not see the client's conditions",
    run: async (open) => {
      const seen: OriginRequest['headers'][] = []
      const handler = validated(() => 'v1')
      const site = await open({
        routes: [
          {
            path: '/a',
            handler: (origin, run) => {
              seen.push(origin.headers)
              return handler(origin, run)
            },
          },
        ],
      })
      const conditional = { 'if-none-match': '"v1"', 'if-modified-since': modified }
      expectResponse(await site.get('/a', conditional), {
        status: 304,
        text: '',
        headers: { etag: '"v1"' },
        cache: 'fwd=uri-miss fwd-status=200 stored',
      })
      expectResponse(await site.get('/a'), { text: 'v1 of run 1', cache: 'hit' })
      assert.deepEqual([seen[0]?.['if-none-match'], seen[0]?.['if-modified-since']], [undefined, undefined])
    },
  },
  {
    name: 'preconditions that only the handler can evaluate go to it',
    run: async (open) => {
      const site = await open({
        routes: [
          {
            path: '/a',
            handler: (origin, run) =>
              origin.headers['if-match'] === '"v0"'
                ? { status: 412 }
                : numbered({ 'cache-control': 'max-age=60', etag: '"v1"' })(origin, run),
          },
        ],
      })
      await site.get('/a')
      expectResponse(await site.get('/a', { 'if-match': '"v0"' }), {
        status: 412,
        cache: 'fwd=bypass detail=precondition',
      })
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' })
    },
  },
]

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
      const parts = [
        ['bytes=2-5', 'cdef', 'bytes 2-5/26'],
        ['bytes=-3', 'xyz', 'bytes 23-25/26'],
        ['bytes=20-99', 'uvwxyz', 'bytes 20-25/26'],
      ] as const
      for (const [range, text, told] of parts) {
        const expected = { 'content-range': told, 'content-length': String(text.length), etag: '"v1"' }
        for (const headers of [{ range }, { range, 'if-range': '"v1"' }])
          expectResponse(
            await site.get('/a', headers),
            { status: 206, text, headers: expected, cache: 'hit' },
            range,
          )
      }
      const wholes = [
        { range: 'bytes=0-1,4-5' },
        { range: 'lines=1-2' },
        { range: 'bytes=2-5', 'if-range': '"v0"' },
      ]
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

/** Validation, the client's own conditions, HEAD and ranges. */
export const conditionCases: readonly AdapterCase[] = [...validation, ...conditions, ...head, ...ranges]
