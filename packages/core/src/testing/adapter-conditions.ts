import assert from 'node:assert/strict'
import type { OriginRequest } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered, validated } from './adapter-case.ts'

const modified = 'Thu, 27 Dec 2029 00:00:00 GMT'

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

/** Validation, and the client's own conditions. */
export const conditionCases: readonly AdapterCase[] = [...validation, ...conditions]
