import assert from 'node:assert/strict'
import type { FieldMap } from '@stowage/core'
import type { OriginRequest } from './adapter-app.ts'
import type { AdapterCase } from './adapter-case.ts'
import { expectResponse, numbered } from './adapter-case.ts'
import type { CaseHandler } from './case-app.ts'

/** What is not stored although it says `max-age`: the response's fields, and the reason told. */
const refused: readonly (readonly [path: string, headers: FieldMap, detail: string, status?: number])[] = [
  ['/no-store', { 'cache-control': 'max-age=60, no-store' }, 'no-store'],
  ['/private', { 'cache-control': 'private, max-age=60' }, 'private'],
  ['/odd-case', { 'cache-control': 'PRIVATE ,Max-Age=60' }, 'private'],
  ['/two-lines', { 'cache-control': ['max-age=60', 'no-store'] }, 'no-store'],
  ['/set-cookie', { 'cache-control': 'public, max-age=60', 'set-cookie': 'sid=1' }, 'set-cookie'],
  ['/vary-star', { 'cache-control': 'max-age=60', vary: 'accept, *' }, 'vary-star'],
  ['/events', { 'cache-control': 'max-age=60', 'content-type': 'text/event-stream' }, 'stream'],
  ['/error', {}, 'error', 500],
  ['/missing', {}, 'error', 404],
  ['/partial', { 'cache-control': 'max-age=60', 'content-range': 'bytes 0-4/26' }, 'status', 206],
]

const responses: readonly AdapterCase[] = [
  ...refused.map(
    ([path, headers, detail, status = 200]): AdapterCase => ({
      name: `a response is not stored: ${path.slice(1)}`,
      run: async (open) => {
        const site = await open({
          cache: { ttl: '1m' },
          routes: [{ path, handler: numbered(headers, status) }],
        })
        for (const run of [1, 2])
          expectResponse(await site.get(path), {
            status,
            text: `run ${run}`,
            cache: `fwd=uri-miss fwd-status=${status} detail=${detail}`,
          })
      },
    }),
  ),
  {
    name: 'an error with a lifetime of its own, and a status that the cache lists, are stored',
    run: async (open) => {
      const site = await open({
        cache: { status: { 404: '10s' } },
        routes: [
          { path: '/explicit', handler: numbered({ 'cache-control': 'max-age=60' }, 500) },
          { path: '/listed', handler: numbered({}, 404) },
        ],
      })
      for (const [path, status, ttl] of [
        ['/explicit', 500, 60],
        ['/listed', 404, 10],
      ] as const) {
        await site.get(path)
        expectResponse(await site.get(path), { status, text: 'run 1', cache: `hit ttl=${ttl}` }, path)
      }
    },
  },
  {
    name: 'a targeted field decides in the place of Cache-Control, and one of our own is not sent on',
    run: async (open) => {
      const own = 'stowage-cache-control'
      const site = await open({
        cache: { targets: ['Stowage-Cache-Control', 'CDN-Cache-Control'] },
        routes: [
          { path: '/longer', handler: numbered({ [own]: 'max-age=60', 'cache-control': 'no-store' }) },
          { path: '/never', handler: numbered({ [own]: 'no-store', 'cache-control': 'max-age=60' }) },
          {
            path: '/cdn',
            handler: numbered({ 'cdn-cache-control': 'max-age=30', 'cache-control': 'max-age=5' }),
          },
        ],
      })
      const unsent = { [own]: undefined }
      const kept = { ...unsent, 'cache-control': 'no-store' }
      expectResponse(await site.get('/longer'), { headers: kept, cache: 'fwd=uri-miss stored ttl=60' })
      expectResponse(await site.get('/longer'), { headers: kept, cache: 'hit' })
      await site.get('/never')
      expectResponse(await site.get('/never'), {
        text: 'run 2',
        headers: unsent,
        cache: 'fwd=uri-miss detail=no-store',
      })
      await site.get('/cdn')
      site.clock.advance(20_000)
      const both = { 'cdn-cache-control': 'max-age=30', 'cache-control': 'max-age=5' }
      expectResponse(await site.get('/cdn'), { text: 'run 1', headers: both, cache: 'hit ttl=10' })
    },
  },
]

/** Answers whoever asks by name. */
const personal =
  (cacheControl: string): CaseHandler =>
  ({ headers }, run) => ({
    headers: { 'cache-control': cacheControl, 'content-type': 'text/plain; charset=utf-8' },
    body: `${nameOf(headers)} of run ${run}`,
  })

const nameOf = ({ cookie, authorization, ...headers }: OriginRequest['headers']): string =>
  String(cookie ?? authorization ?? headers['x-api-key'] ?? 'nobody')

const users = [
  { headers: { cookie: 'sid=ann' }, detail: 'cookie', name: 'sid=ann' },
  { headers: { cookie: 'sid=bob' }, detail: 'cookie', name: 'sid=bob' },
  { headers: { authorization: 'Bearer ann' }, detail: 'authorization', name: 'Bearer ann' },
  { headers: { 'x-api-key': 'ann' }, detail: 'cookie', name: 'ann' },
] as const

const credentials: readonly AdapterCase[] = [
  {
    name: 'what answers credentials is not stored',
    run: async (open) => {
      const site = await open({
        cache: { ttl: '1m' },
        routes: [{ path: '/a', handler: personal('max-age=60') }],
      })
      let run = 0
      for (const { headers, detail, name } of [...users, ...users]) {
        run += 1
        expectResponse(await site.get('/a', headers), {
          text: `${name} of run ${run}`,
          cache: `fwd=uri-miss detail=${detail}`,
        })
      }
      expectResponse(await site.get('/a'), { text: `nobody of run ${run + 1}`, cache: 'fwd=uri-miss stored' })
    },
  },
  {
    name: 'what is stored does not answer credentials',
    run: async (open) => {
      const site = await open({ routes: [{ path: '/a', handler: personal('max-age=60') }] })
      await site.get('/a')
      let run = 1
      for (const { headers, detail, name } of users) {
        run += 1
        expectResponse(await site.get('/a', headers), {
          text: `${name} of run ${run}`,
          cache: `fwd=request detail=${detail}`,
        })
      }
      expectResponse(await site.get('/a'), { text: 'nobody of run 1', cache: 'hit' })
    },
  },
  {
    name: 'a response that says so is shared with whoever has credentials',
    run: async (open) => {
      const permitting = [
        ['public, max-age=60', users],
        ['s-maxage=60', users],
        ['must-revalidate, max-age=60', users.filter(({ detail }) => detail === 'authorization')],
      ] as const
      const routes = permitting.map(([said], index) => ({ path: `/${index}`, handler: personal(said) }))
      const site = await open({ routes })
      for (const [index, [said, permitted]] of permitting.entries())
        for (const { headers } of [...permitted, { headers: {} }]) {
          const { text } = await site.get(`/${index}`, headers)
          assert.equal(text, `${permitted[0]?.name} of run 1`, `${said}, ${JSON.stringify(headers)}`)
        }
      expectResponse(await site.get('/2', { cookie: 'sid=bob' }), {
        text: 'sid=bob of run 2',
        cache: 'fwd=request detail=cookie',
      })
    },
  },
  {
    name: 'where the policy says public, credentials do not matter',
    run: async (open) => {
      const site = await open({
        cache: { ttl: '1m', scope: 'public' },
        routes: [{ path: '/a', handler: numbered({}) }],
      })
      await site.get('/a', { cookie: 'sid=ann' })
      for (const { headers } of users)
        expectResponse(await site.get('/a', headers), { text: 'run 1', cache: 'hit' })
    },
  },
]

/** What is stored, and whom it answers. */
export const storingCases: readonly AdapterCase[] = [...responses, ...credentials]
