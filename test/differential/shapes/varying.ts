import { gzipSync } from 'node:zlib'
import type { Call, Shape } from '../shape.ts'
import { codingOf, cookieNamed, everyCredential, languageOf, prefersHtml, tenantOf } from '../stamp.ts'
import { answer, setFields } from './answer.ts'

const spoken = (call: Call): { language: string } => ({ language: languageOf(call.request.headers) })

const field = (call: Call, name: string): string => String(call.request.headers[name] ?? 'none')

/** Answers in the coding that the request accepts, made by hand. */
const coded = (call: Call, fields: Readonly<Record<string, string>>): void => {
  const coding = codingOf(call.request.headers)
  setFields(call, { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/plain', ...fields })
  const text = `${call.stamp({ coding })}\n${'long text '.repeat(40)}`
  if (coding === 'gzip') call.reply.set('Content-Encoding', 'gzip')
  call.reply.send(coding === 'gzip' ? gzipSync(text) : text)
}

/** Varies by another field from run to run. */
const changing = (call: Call): void => {
  const phase = call.run.number % 3
  if (phase === 0) answer(call, { 'Cache-Control': 'max-age=30' })
  else if (phase === 1) answer(call, { 'Cache-Control': 'max-age=30', Vary: 'Accept-Language' }, spoken(call))
  else
    answer(
      call,
      { 'Cache-Control': 'max-age=30', Vary: 'X-Tenant' },
      { tenant: tenantOf(call.request.headers) },
    )
}

const listed: readonly Shape[] = [
  {
    name: 'by-language',
    selects: ['accept-language'],
    fresh: 60,
    handle: (call) => answer(call, { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language' }, spoken(call)),
  },
  {
    name: 'by-language-slowly',
    selects: ['accept-language'],
    fresh: 60,
    handle: async (call) => {
      await call.pause()
      answer(call, { 'Cache-Control': 'max-age=60', Vary: 'accept-LANGUAGE' }, spoken(call))
    },
  },
  {
    name: 'by-coding',
    selects: ['accept-encoding'],
    fresh: 60,
    handle: (call) => coded(call, { Vary: 'Accept-Encoding' }),
  },
  {
    name: 'by-coding-unsaid',
    selects: ['accept-encoding'],
    fresh: 60,
    variesBy: ['accept-encoding'],
    typical: { 'accept-encoding': 'gzip' },
    // A coded body shows that it depends on what was accepted, also where nobody says so; a plain one does not.
    handle: (call) =>
      coded(call, codingOf(call.request.headers) === 'gzip' ? {} : { 'Cache-Control': 'no-store' }),
  },
  {
    name: 'by-type',
    selects: ['accept'],
    fresh: 60,
    handle: (call) => {
      const html = prefersHtml(call.request.headers)
      setFields(call, {
        'Cache-Control': 'max-age=60',
        Vary: 'Accept',
        'Content-Type': html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
      })
      call.reply.send(call.stamp({ html }))
    },
  },
  {
    name: 'by-tenant',
    selects: ['x-tenant'],
    fresh: 60,
    handle: (call) =>
      answer(
        call,
        { 'Cache-Control': 'max-age=60', Vary: 'X-Tenant' },
        { tenant: tenantOf(call.request.headers) },
      ),
  },
  {
    name: 'by-agent-and-language',
    selects: ['user-agent', 'accept-language'],
    fresh: 60,
    handle: (call) =>
      answer(
        call,
        { 'Cache-Control': 'max-age=60', Vary: 'User-Agent, ,Accept-Language,' },
        { ...spoken(call), agent: field(call, 'user-agent') },
      ),
  },
  {
    name: 'by-two-lines',
    selects: ['x-tenant', 'accept-language'],
    fresh: 60,
    handle: (call) =>
      answer(
        call,
        { 'Cache-Control': 'max-age=60', Vary: ['X-Tenant', 'Accept-Language'] },
        { ...spoken(call), tenant: tenantOf(call.request.headers) },
      ),
  },
  {
    name: 'by-cookie',
    selects: ['cookie'],
    fresh: 60,
    shares: 'everybody',
    who: everyCredentialButTokens,
    handle: (call) => answer(call, { 'Cache-Control': 'public, max-age=60', Vary: 'Cookie' }),
  },
  {
    name: 'by-authorization',
    selects: ['authorization'],
    fresh: 60,
    shares: 'everybody',
    who: ({ headers }) => headers.authorization ?? 'nobody',
    handle: (call) => answer(call, { 'Cache-Control': 'public, max-age=60', Vary: 'Authorization' }),
  },
  { name: 'changing', selects: ['accept-language', 'x-tenant'], fresh: 30, handle: changing },
  {
    name: 'changing-slowly',
    selects: ['accept-language', 'x-tenant'],
    fresh: 30,
    handle: async (call) => {
      await call.pause()
      changing(call)
    },
  },
]

/** The cookie alone: what this origin says that its answers vary by. */
function everyCredentialButTokens({ headers }: { headers: Call['request']['headers'] }): string {
  return headers.cookie ?? 'nobody'
}

const stars: readonly Shape[] = ['*', ' * ', 'Accept, *', '*, Accept', 'Accept\u00a0', 'Accept Language'].map(
  (vary, index) => ({
    name: `by-star-${index}`,
    policy: { ttl: 600 },
    never: true,
    handle: (call) =>
      answer(call, { 'Cache-Control': 'max-age=60', Vary: vary }, { all: everyCredential(call.request) }),
  }),
)

/** What the cache is told to vary by, or has to see for itself. */
const unlisted: readonly Shape[] = [
  {
    name: 'by-origin-unsaid',
    selects: ['origin'],
    fresh: 60,
    variesBy: ['origin'],
    handle: (call) => {
      const from = call.request.headers.origin
      const allowed = from === undefined ? {} : { 'Access-Control-Allow-Origin': from }
      answer(call, { 'Cache-Control': 'max-age=60', Vary: 'Origin', ...allowed }, { from })
    },
  },
  {
    name: 'by-remark',
    selects: ['accept-language'],
    fresh: 60,
    variesBy: ['accept-language'],
    handle: (call) => {
      call.cache?.vary('accept-language')
      answer(call, { 'Cache-Control': 'max-age=60' }, spoken(call))
    },
  },
  {
    name: 'by-key-header',
    selects: ['x-tenant'],
    policy: { ttl: 60, key: { headers: ['x-tenant'] } },
    variesBy: ['x-tenant'],
    handle: (call) => answer(call, {}, { tenant: tenantOf(call.request.headers) }),
  },
  {
    name: 'by-key-cookie',
    selects: ['cookie'],
    policy: { ttl: 60, key: { cookies: ['theme'] } },
    variesBy: ['cookie'],
    shares: 'everybody',
    handle: (call) =>
      answer(
        call,
        { 'Cache-Control': 'public, max-age=60' },
        { theme: cookieNamed(call.request.headers, 'theme') ?? null },
      ),
  },
  {
    name: 'by-key-function',
    selects: ['x-tenant'],
    policy: { ttl: 60, key: { by: { tenant: (request) => request.header('x-tenant') } } },
    handle: (call) => answer(call, {}, { tenant: tenantOf(call.request.headers) }),
  },
  {
    name: 'by-key-language',
    selects: ['accept-language'],
    policy: { ttl: 60, key: { headers: ['accept-language'] } },
    variesBy: ['accept-language'],
    handle: (call) => answer(call, {}, spoken(call)),
  },
]

export const varying: readonly Shape[] = [...listed, ...stars, ...unlisted]
