import type { Shape } from '../shape.ts'
import { cookieNamed, everyCredential } from '../stamp.ts'
import { answer, minute, saying } from './answer.ts'

const sessionOf: Shape['who'] = ({ headers }) => cookieNamed(headers, 'sid') ?? everyCredential({ headers })

const cookieFor = (user: string): string => `seen=${encodeURIComponent(user)}; Path=/; HttpOnly`

/** Answers that are made for one user, said to be or not. */
export const personal: readonly Shape[] = [
  {
    name: 'greeting',
    selects: ['cookie'],
    policy: { ttl: 60 },
    handle: async (call) => {
      await call.pause()
      answer(call, {}, { greets: everyCredential(call.request) })
    },
  },
  saying('account', 'private, max-age=60', { never: true }),
  {
    name: 'sets-cookie',
    policy: { ttl: 600 },
    never: true,
    handle: (call) => answer(call, { ...minute, 'Set-Cookie': cookieFor(everyCredential(call.request)) }),
  },
  {
    name: 'sets-cookie-publicly',
    never: true,
    handle: (call) =>
      answer(call, {
        'Cache-Control': 'public, max-age=60',
        'Set-Cookie': [cookieFor(everyCredential(call.request)), 'b=2'],
      }),
  },
  {
    name: 'sets-cookie-at-times',
    selects: ['cookie'],
    fresh: 5,
    never: (run) => run.number % 2 === 0,
    handle: (call) => {
      if (call.run.number % 2 === 0) call.reply.set('Set-Cookie', cookieFor(everyCredential(call.request)))
      answer(call, { 'Cache-Control': 'max-age=5' })
    },
  },
  {
    name: 'by-session',
    selects: ['cookie'],
    policy: { ttl: 60, scope: (request) => request.cookie('sid') },
    shares: 'everybody',
    who: sessionOf,
    typical: { cookie: 'sid=alice' },
    handle: (call) => answer(call, {}),
  },
  {
    name: 'by-session-fresh',
    selects: ['cookie'],
    policy: { scope: (request) => request.cookie('sid') },
    fresh: 60,
    shares: 'everybody',
    who: sessionOf,
    typical: { cookie: 'sid=alice' },
    handle: async (call) => {
      await call.pause()
      answer(call, minute)
    },
  },
  {
    name: 'declared-public',
    selects: ['cookie'],
    policy: { ttl: 60, scope: 'public' },
    shares: 'everybody',
    handle: (call) => answer(call, {}),
  },
  {
    name: 'declared-private',
    policy: { ttl: 60, scope: 'private' },
    never: true,
    handle: (call) => answer(call, {}),
  },
  saying('public', 'public, max-age=60', { fresh: 60, shares: 'everybody' }),
  {
    name: 'only-when-asked-plainly',
    policy: { ttl: 60, when: (request) => request.header('x-tenant') === undefined },
    handle: (call) => answer(call, {}, { tenant: call.request.headers['x-tenant'] ?? null }),
  },
]
