import assert from 'node:assert/strict'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse } from './adapter-case.ts'
import type { CaseHandler } from './case-app.ts'

const text = { 'cache-control': 'max-age=60', 'content-type': 'text/plain; charset=utf-8' }

/** Answers in the language asked for. */
const translated: CaseHandler = ({ headers }, run) => ({
  headers: { ...text, vary: 'Accept-Language' },
  body: `${headers['accept-language'] ?? 'none'} of run ${run}`,
})

/** Vary and key rules. */
export const varyCases: readonly AdapterCase[] = [
  {
    name: 'each variant of a varying response is stored, and selected by the fields it varies by',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: translated }] })
      const asked = [{ 'accept-language': 'fr' }, { 'accept-language': 'de' }, {}]
      for (const [index, headers] of asked.entries())
        expectResponse(await site.get('/a', headers), {
          text: `${headers['accept-language'] ?? 'none'} of run ${index + 1}`,
          cache: `fwd=${index === 0 ? 'uri-miss' : 'vary-miss'} stored`,
        })
      for (const [index, headers] of asked.entries())
        expectResponse(await site.get('/a', { ...headers, 'x-other': 'ignored' }), {
          text: `${headers['accept-language'] ?? 'none'} of run ${index + 1}`,
          cache: 'hit',
        })
    },
  },
  {
    name: 'a response that begins to vary is not given to other variants',
    run: async (open) => {
      let varies = false
      const handler: CaseHandler = (origin, run) =>
        varies ? translated(origin, run) : { headers: text, body: 'all' }
      const site = await open({ routes: [{ path: '/a', handler }] })
      await site.get('/a', { 'accept-language': 'fr' })
      varies = true
      site.clock.advance(61_000)
      expectResponse(await site.get('/a', { 'accept-language': 'fr' }), { text: 'fr of run 2' })
      expectResponse(await site.get('/a', { 'accept-language': 'de' }), { text: 'de of run 3' })
      expectResponse(await site.get('/a', { 'accept-language': 'fr' }), { text: 'fr of run 2', cache: 'hit' })
    },
  },
  {
    name: 'a coding and an origin that were chosen for a request vary by it, also where the handler does not say so',
    run: async (open) => {
      const coded: CaseHandler = ({ headers }, run) => ({
        headers: {
          ...text,
          ...(headers['accept-encoding'] === 'x-rot' ? { 'content-encoding': 'x-rot' } : {}),
        },
        body: `run ${run}`,
      })
      const allowed: CaseHandler = ({ headers }, run) => ({
        headers: { ...text, 'access-control-allow-origin': headers.origin ?? '*' },
        body: `run ${run}`,
      })
      const site = await open({
        routes: [
          { path: '/coded', handler: coded },
          { path: '/allowed', handler: allowed },
        ],
      })
      const first = await site.get('/coded', { 'accept-encoding': 'x-rot' })
      assert.match(String(first.headers.vary), /accept-encoding/i)
      expectResponse(await site.get('/coded'), { text: 'run 2', headers: { 'content-encoding': undefined } })
      expectResponse(await site.get('/coded', { 'accept-encoding': 'x-rot' }), {
        text: 'run 1',
        cache: 'hit',
      })
      const origins = ['https://a.example', 'https://b.example']
      for (const origin of [...origins, ...origins])
        expectResponse(await site.get('/allowed', { origin }), {
          headers: { 'access-control-allow-origin': origin },
        })
      assert.equal(site.runs('/allowed'), 2)
    },
  },
  {
    name: 'fields and cookies of the key tell responses apart, and are named in Vary',
    run: async (open) => {
      const site = await open({
        cache: { key: { headers: ['x-tenant'], cookies: ['theme'] }, scope: 'public' },
        routes: [
          {
            path: '/a',
            handler: ({ headers }) => ({
              headers: { ...text, vary: 'accept' },
              body: `${headers['x-tenant']} ${headers.cookie}`,
            }),
          },
        ],
      })
      const asked = [
        { 'x-tenant': 'one', cookie: 'theme=dark' },
        { 'x-tenant': 'one', cookie: 'theme=light' },
        { 'x-tenant': 'two', cookie: 'theme=dark' },
      ]
      for (const headers of asked) {
        const { headers: fields } = await site.get('/a', headers)
        const names = String(fields.vary).split(/, */)
        assert.deepEqual(
          new Set(names.map((name) => name.toLowerCase())),
          new Set(['accept', 'x-tenant', 'cookie']),
        )
      }
      for (const headers of asked)
        expectResponse(await site.get('/a', { ...headers, cookie: `other=1; ${headers.cookie}` }), {
          text: `${headers['x-tenant']} ${headers.cookie}`,
          cache: 'hit',
        })
      assert.equal(site.runs('/a'), 3)
    },
  },
  {
    name: 'query parameters that the key leaves out do not tell responses apart',
    run: async (open) => {
      const handler: CaseHandler = ({ url }, run) => ({ headers: text, body: `${run} ${url}` })
      const site = await open({
        cache: { key: { query: { ignore: ['utm_*'] } } },
        routes: [{ path: '/a', handler }],
      })
      const first = await site.get('/a?b=2&utm_source=x&a=1')
      expectResponse(await site.get('/a?a=1&utm_medium=y&b=2'), { text: first.text, cache: 'hit' })
      expectResponse(await site.get('/a?a=1&b=3'), { cache: 'fwd=uri-miss stored' })
    },
  },
]
