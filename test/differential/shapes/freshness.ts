import type { Shape } from '../shape.ts'
import { everybody, everyCredential } from '../stamp.ts'
import { answer, saying } from './answer.ts'

const httpDate = (ms: number): string => new Date(ms).toUTCString()

/** Fields that depend on when the run began. */
const timed = (
  name: string,
  expected: Omit<Partial<Shape>, 'name' | 'handle'>,
  fields: (time: number) => Record<string, string>,
): Shape => ({ name, ...expected, handle: (call) => answer(call, fields(call.run.time)) })

const withoutAuthorization: Shape['who'] = ({ headers }) =>
  everyCredential({ headers: { ...headers, authorization: undefined } })

/** Lifetimes as handlers declare them (RFC 9111 §4.2.1, §5.2.2; RFC 9213; RFC 5861). */
const lifetimes: readonly Shape[] = [
  saying('max-age', 'max-age=20', { fresh: 20 }),
  saying('shared-max-age', 's-maxage=20', { fresh: 20, shares: 'everybody', strict: true }),
  saying('both-ages', 'public, max-age=0, s-maxage=30', { fresh: 30, shares: 'everybody', strict: true }),
  saying('shouting', 'PUBLIC, MAX-AGE=20', { fresh: 20, shares: 'everybody' }),
  saying('quoted-age', 'max-age="20"', { fresh: 20 }),
  saying('twice', 'max-age=60, max-age=5', { fresh: 5 }),
  saying('immutable', 'max-age=600, immutable', { fresh: 600 }),
  saying('no-transform', 'max-age=20, no-transform', { fresh: 20 }),
  saying('unknown-directives', 'max-age=20, wonder=1, community="UCI"', { fresh: 20 }),
  saying('understood', 'must-understand, no-store, max-age=20', { fresh: 20 }),
  timed('expires', { fresh: 30 }, (time) => ({ Expires: httpDate(time + 30_000) })),
  timed('expired', { fresh: 0 }, (time) => ({ Expires: httpDate(time - 1000) })),
  timed('expires-zero', { fresh: 0 }, () => ({ Expires: '0' })),
  timed('expires-and-age', { fresh: 20 }, (time) => ({
    Expires: httpDate(time + 600_000),
    'Cache-Control': 'max-age=20',
  })),
  timed('old-date', { fresh: 60, age: 50, dated: true }, (time) => ({
    Date: httpDate(time - 50_000),
    'Cache-Control': 'max-age=60',
  })),
  timed('aged', { fresh: 60, age: 45 }, () => ({ Age: '45', 'Cache-Control': 'max-age=60' })),
  timed('broken-age', { fresh: 0 }, () => ({ Age: 'old', 'Cache-Control': 'max-age=60' })),
  timed('targeted', { fresh: 25 }, () => ({
    'Stowage-Cache-Control': 'max-age=25',
    'Cache-Control': 'max-age=600',
  })),
  timed('targeted-forbids', { never: true }, () => ({
    'Stowage-Cache-Control': 'no-store',
    'Cache-Control': 'max-age=600',
  })),
  saying('refreshing', 'max-age=2, stale-while-revalidate=30', { fresh: 2, staleWhileRevalidate: 30 }),
  saying('lenient', 'max-age=2, stale-if-error=30', { fresh: 2, staleIfError: 30 }),
  saying('must-revalidate', 'max-age=5, must-revalidate', {
    fresh: 5,
    strict: true,
    shares: 'authorization',
    who: withoutAuthorization,
  }),
  saying('proxy-revalidate', 'max-age=5, proxy-revalidate', { fresh: 5, strict: true }),
  { name: 'silent', handle: (call) => answer(call, {}) },
  { name: 'short-route', policy: { ttl: 3 }, handle: (call) => answer(call, {}) },
  { name: 'bare-route', policy: {}, handle: (call) => answer(call, {}) },
  {
    name: 'no-route',
    policy: false,
    never: true,
    handle: (call) => answer(call, { 'Cache-Control': 'max-age=60' }),
  },
  {
    name: 'swr-route',
    policy: { ttl: 2, staleWhileRevalidate: 20, staleIfError: 40 },
    handle: (call) => answer(call, {}),
  },
  { name: 'pragma', handle: (call) => answer(call, { Pragma: 'no-cache' }) },
  {
    name: 'said-ttl',
    policy: { ttl: 600 },
    fresh: 7,
    handle: (call) => {
      call.cache?.ttl(7)
      answer(call, {})
    },
  },
  {
    name: 'skipped',
    policy: { ttl: 600 },
    never: true,
    handle: (call) => {
      call.cache?.skip()
      answer(call, {})
    },
  },
]

const personal = { policy: { ttl: 600 }, never: true } as const

/** Answers that nobody else may have: also where the route sets a ttl, and whatever the damage (RFC 9111 §5.2.2). */
const restrictions: readonly Shape[] = [
  saying('no-store', 'no-store', personal),
  saying('no-store-fresh', 'max-age=60, no-store', personal),
  saying('no-store-argument', 'max-age=60, no-store=1', personal),
  saying('no-store-underscore', 'max-age=60, No_Store', personal),
  saying('no-store-space', 'max-age=60, no store', personal),
  saying('no-store-quoted', 'max-age=60, "no-store"', personal),
  saying('no-store-latin', 'max-age=60, n\u00f6-store, no-store\u00a0', personal),
  saying('no-store-semicolon', 'max-age=60; no-store', personal),
  saying('private', 'private, max-age=60', personal),
  saying('private-open', 'max-age=60, private="', personal),
  saying('private-empty', 'max-age=60, private=""', personal),
  saying('private-mixed', 'max-age=60, private="x-a", private', personal),
  saying('private-swallowed', 'max-age=60, ext="a, private, b', personal),
  saying('public-private', 'public, private, s-maxage=60', personal),
  saying('damaged-age', 'max-age=6O', { fresh: 0 }),
  saying('negative-age', 'max-age=-1', { fresh: 0 }),
  saying('fraction-age', 'max-age=1.5', { fresh: 0 }),
  saying('two-lines', 'max-age=60', { ...personal }, { 'Cache-Control': ['max-age=60', 'no-store'] }),
  {
    name: 'not-understood',
    never: true,
    handle: (call) => {
      call.reply.status(299)
      answer(call, { 'Cache-Control': 'must-understand, max-age=60' })
    },
  },
]

/** Answers that must be validated before each reuse, and fields that stay with the first who had them. */
const qualified: readonly Shape[] = [
  saying('no-cache', 'no-cache', { fresh: 0, strict: true }),
  saying('no-cache-fresh', 'max-age=60, no-cache', { fresh: 0, strict: true }),
  saying('no-cache-public', 'public, no-cache', { fresh: 0, strict: true, shares: 'everybody' }),
  {
    name: 'private-field',
    fresh: 60,
    withheld: ['x-mine', 'x-also-mine'],
    handle: (call) =>
      answer(call, {
        'Cache-Control': 'max-age=60, private="X-Mine, x-also-mine"',
        'X-Mine': String(call.run.number),
        'X-Also-Mine': everyCredential(call.run.request).replace(/[^ -~]/g, '?'),
      }),
  },
  {
    name: 'no-cache-field',
    fresh: 60,
    withheld: ['x-volatile'],
    handle: (call) =>
      answer(call, {
        'Cache-Control': 'max-age=60, no-cache="x-volatile"',
        'X-Volatile': String(call.run.number),
      }),
  },
  {
    name: 'public-file-of-one',
    fresh: 60,
    shares: 'everybody',
    who: everybody,
    // The origin says that everybody may have what it made for one: that is its word to give.
    handle: (call) =>
      answer(call, { 'Cache-Control': 'public, max-age=60' }, { madeFor: everyCredential(call.run.request) }),
  },
]

export const freshness: readonly Shape[] = [...lifetimes, ...restrictions, ...qualified]
