import type { CachePolicy } from '@stowage/core'
import type { Sent } from './client.ts'
import type { Run } from './origin.ts'
import type { Setup, Shape } from './shape.ts'

/** How long answers may be given again, in seconds. */
export interface Windows {
  readonly fresh: number
  readonly whileRevalidate: number
  readonly ifError: number
}

const secondsOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

const routeTtl = 300

/** The ttl by the rules for routes: the route's own, that of the whole cache, or 300 s where the route is named. */
const ttlOf = (shape: Shape, setup: Setup): number | undefined => {
  const { policy } = shape
  const whole = secondsOf(setup.cache?.ttl)
  if (policy === false) return undefined
  if (typeof policy === 'number') return policy
  if (typeof policy === 'object') return secondsOf(policy.ttl) ?? whole ?? routeTtl
  return whole
}

/** How long the answers of a shape may be given again. */
export const windowsOf = (shape: Shape, setup: Setup): Windows => {
  const policy: CachePolicy = typeof shape.policy === 'object' ? shape.policy : {}
  const byPolicy = shape.covered === false ? undefined : ttlOf(shape, setup)
  const strict = shape.strict === true
  const stale = (name: 'staleWhileRevalidate' | 'staleIfError', otherwise: number): number =>
    shape[name] ?? secondsOf(policy[name]) ?? secondsOf(setup.cache?.[name]) ?? otherwise
  return {
    fresh: shape.fresh ?? byPolicy ?? 0,
    whileRevalidate: strict ? 0 : stale('staleWhileRevalidate', 0),
    ifError: strict ? 0 : stale('staleIfError', 60),
  }
}

/** Whether nobody else may have what this run brought. */
export const isForOne = (shape: Shape, run: Run): boolean =>
  typeof shape.never === 'function' ? shape.never(run) : shape.never === true

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const otherCredentials = ['cookie', 'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-access-token']

/** Whether the origin lets an answer be shared with, or taken from, a request with these fields. */
export const permits = (shape: Shape, headers: Headers): boolean => {
  if (shape.shares === 'everybody') return true
  if (otherCredentials.some((name) => headers[name] !== undefined)) return false
  return headers.authorization === undefined || shape.shares === 'authorization'
}

/** Whether a request forbids storing in so many words (RFC 9111 §5.2.1.5). */
export const forbidsStoring = (headers: Headers): boolean =>
  [headers['cache-control'] ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .some((directive) => directive.trim().toLowerCase() === 'no-store')

/** Methods whose answers may be given again: those of the policy beside GET and HEAD. */
export const mayReuseMethod = (shape: Shape, method: string): boolean => {
  if (method === 'GET' || method === 'HEAD') return true
  const { policy } = shape
  return typeof policy === 'object' && policy.methods?.some((each) => each === method) === true
}

/** Seconds of staleness that a request accepts in so many words. */
export const acceptedStaleness = (sent: Sent): number => {
  const lines = [sent.headers['cache-control'] ?? []].flat().join(',')
  const values = [...lines.matchAll(/max-stale(?:="?(\d+))?/gi)].map(([, seconds]) =>
    seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds),
  )
  return values.length === 0 ? -1 : Math.max(...values)
}
