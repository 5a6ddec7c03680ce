import assert from 'node:assert/strict'
import { METHODS } from 'node:http'
import { PassThrough } from 'node:stream'
import type { CacheOptions } from '@stowage/core'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { TestResponse } from './adapter-client.ts'
import type { Site } from './adapter-site.ts'
import type { CaseHandler, CaseRoute } from './case-app.ts'

/** Answers with all that it was sent, and how often it has run. */
const echo: CaseHandler = async (origin, run) => ({
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: `${(await origin.body()).toString('utf8')} of run ${run}`,
})

/** What Node's parser of this version knows: QUERY came late. */
const methods = (['POST', 'QUERY'] as const).filter((method) => METHODS.includes(method))

const routes: readonly CaseRoute[] = [
  ...methods.map((method) => ({ method, path: '/a', handler: echo })),
  { path: '/a', handler: numbered() },
]

const keyed = (body: 'json' | 'bytes', more: CacheOptions['key'] = {}): CacheOptions => ({
  ttl: '1m',
  methods: ['GET', 'HEAD', ...methods],
  key: { body, ...more },
})

const json = { 'content-type': 'application/json' }

const ask = (site: Site, method: string, body: string | Buffer, headers = json): Promise<TestResponse> =>
  site.request(method, '/a', { headers, body })

/** Requests with content. */
export const contentCases: readonly AdapterCase[] = [
  ...methods.map(
    (method): AdapterCase => ({
      name: `${method} is answered from the cache where its body is the same JSON, and its handler reads all of it`,
      run: async (open) => {
        const site = await open({ cache: keyed('json'), routes })
        const first = '{"a":1,"b":[2,3]}'
        expectResponse(await ask(site, method, first), {
          text: `${first} of run 1`,
          cache: 'fwd=uri-miss stored',
        })
        for (const same of [first, '{"b": [2, 3],\n "a": 1.0}'])
          expectResponse(await ask(site, method, same), { text: `${first} of run 1`, cache: 'hit' }, same)
        const others = ['{"a":1,"b":[3,2]}', '{"a":1}', '[]', 'no JSON', '']
        for (const [index, other] of others.entries())
          expectResponse(await ask(site, method, other), { text: `${other} of run ${index + 2}` }, other)
        const typed = { 'content-type': 'text/plain' }
        expectResponse(await ask(site, method, first, typed), {
          text: `${first} of run ${others.length + 2}`,
        })
      },
    }),
  ),
  {
    name: 'a body that enters the key byte by byte is the same only byte by byte',
    run: async (open) => {
      const site = await open({ cache: keyed('bytes'), routes })
      await ask(site, 'POST', '{"a":1}')
      expectResponse(await ask(site, 'POST', '{"a":1}'), { cache: 'hit' })
      expectResponse(await ask(site, 'POST', '{"a": 1}'), {
        text: '{"a": 1} of run 2',
        cache: 'fwd=uri-miss stored',
      })
    },
  },
  {
    name: 'a body that comes slowly and in pieces is one body',
    run: async (open) => {
      const site = await open({ cache: keyed('json'), routes })
      const whole = JSON.stringify({ text: 'x'.repeat(5000) })
      for (const cache of ['fwd=uri-miss stored', 'hit']) {
        const body = new PassThrough()
        const answered = site.request('POST', '/a', { headers: json, body })
        for (let at = 0; at < whole.length; at += 1000) {
          body.write(whole.slice(at, at + 1000))
          await new Promise((resume) => setImmediate(resume))
        }
        body.end()
        expectResponse(await answered, { text: `${whole} of run 1`, cache })
      }
    },
  },
  {
    name: 'a body larger than the key takes reaches the handler whole, and nothing is stored',
    run: async (open) => {
      const site = await open({ cache: keyed('bytes', { maxBodyBytes: 100 }), routes })
      const large = 'x'.repeat(200_000)
      const chunked = (): PassThrough => {
        const body = new PassThrough()
        body.end(large)
        return body
      }
      for (const [index, body] of [large, chunked(), large, chunked()].entries())
        expectResponse(await site.request('POST', '/a', { headers: json, body }), {
          text: `${large} of run ${index + 1}`,
          cache: 'fwd=bypass detail=request-body',
        })
    },
  },
  {
    name: 'a client that leaves amid its body disturbs nobody',
    run: async (open) => {
      const site = await open({ cache: keyed('json'), routes })
      const leaving = new AbortController()
      const body = new PassThrough()
      body.write('{"a":')
      const gone = assert.rejects(site.request('POST', '/a', { headers: json, body, signal: leaving.signal }))
      await site.settled(1)
      leaving.abort()
      await gone
      const runs = site.runs('/a', 'POST')
      expectResponse(await ask(site, 'POST', '{"a":1}'), { text: `{"a":1} of run ${runs + 1}` })
      expectResponse(await ask(site, 'POST', '{"a":1}'), { cache: 'hit' })
    },
  },
  {
    name: 'a POST is not answered by what a GET has stored, nor the other way round',
    run: async (open) => {
      const site = await open({ cache: keyed('json'), routes })
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'fwd=uri-miss stored' })
      expectResponse(await ask(site, 'POST', ''), { text: ' of run 1', cache: 'fwd=uri-miss stored' })
      expectResponse(await site.get('/a'), { text: 'run 1', cache: 'hit' })
    },
  },
  {
    name: 'a GET with content goes to the handler, which reads it, and stores nothing',
    run: async (open) => {
      const site = await open({ cache: { ttl: '1m' }, routes: [{ path: '/a', handler: echo }] })
      for (const run of [1, 2])
        expectResponse(await site.request('GET', '/a', { body: 'content' }), {
          text: `content of run ${run}`,
          cache: 'fwd=bypass detail=request-body',
        })
    },
  },
  {
    name: 'requests whose method the cache does not answer reach the handler with their content',
    run: async (open) => {
      const site = await open({
        cache: { ttl: '1m' },
        routes: [{ method: 'POST', path: '/a', handler: echo }],
      })
      for (const run of [1, 2])
        expectResponse(await site.request('POST', '/a', { body: 'content' }), {
          text: `content of run ${run}`,
          cache: 'fwd=method fwd-status=200',
        })
    },
  },
]
