import type { Answer } from './client.ts'
import { fieldOf, linesOf } from './client.ts'
import type { Shape } from './shape.ts'

/** How an answer may differ from the control's. */
export interface Leeway {
  readonly shape: Shape | undefined
  /** Whether another exchange's run was answered with. */
  readonly reused: boolean
  /** Whether the run only confirmed what another had brought. */
  readonly confirmed: boolean
  /** Whether it is compared with what may be derived from a full answer, which has neither trailers nor interim ones. */
  readonly derived?: true
}

/** Of the connection, not of the answer, or written by the cache about itself. */
const ignored: ReadonlySet<string> = new Set([
  'age',
  'cache-status',
  'connection',
  'date',
  'keep-alive',
  'proxy-connection',
  'stowage-cache-control',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Of the exchange that filled the cache: a reused answer does without. */
const ofOneExchange: ReadonlySet<string> = new Set([
  'server-timing',
  'x-ratelimit-remaining',
  'x-response-time',
])

const membersOf = (value: string | undefined): readonly string[] =>
  (value ?? '')
    .split(',')
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '')

const sortedLines = (answer: Answer, name: string): string =>
  JSON.stringify([...linesOf(answer, name)].sort())

/** The fields that the cache was asked to vary by, and one that stands outside of it. */
const sameVary = (actual: Answer, expected: Answer, { shape }: Leeway): boolean => {
  const said = new Set(membersOf(fieldOf(expected, 'vary')))
  const sent = membersOf(fieldOf(actual, 'vary'))
  const added = [...(shape?.variesBy ?? []), 'x-outer']
  if (said.has('*')) return sent.includes('*')
  return (
    [...said].every((name) => sent.includes(name)) &&
    sent.every((name) => said.has(name) || added.includes(name))
  )
}

const isPersonal = (shape: Shape | undefined): boolean => {
  const policy = shape?.policy
  if (typeof policy !== 'object') return false
  return typeof policy.scope === 'function' || policy.scope === 'private'
}

/** Where the handler says nothing, a policy's ttl is not told downstream; where a policy keeps it to one user, that is. */
const sameCacheControl = (actual: Answer, expected: Answer, { shape }: Leeway): boolean => {
  const said = fieldOf(expected, 'cache-control')
  const told = fieldOf(actual, 'cache-control')
  // Who stands in front of the cache must not encode a part of a body.
  const isPart = actual.status === 206 && said?.includes('no-transform') !== true
  const sent = isPart ? told?.replace(/(?:, )?no-transform$/, '') || undefined : told
  const personal = isPersonal(shape)
  if (said !== undefined) return sent === said || (personal && sent === `private, ${said}`)
  if (fieldOf(expected, 'expires') !== undefined)
    return sent === undefined || (personal && sent === 'private')
  return sent === undefined || sent === (personal ? 'private, no-cache' : 'no-cache')
}

const sameLength = (actual: Answer, expected: Answer): boolean => {
  const [said, sent] = [fieldOf(expected, 'content-length'), fieldOf(actual, 'content-length')]
  // A body of unknown length is known when it is stored.
  return (
    said === sent || (said === undefined && (actual.body.length === 0 || sent === String(actual.body.length)))
  )
}

const sameTag = (actual: Answer, expected: Answer): boolean => {
  const [said, sent] = [fieldOf(expected, 'etag'), fieldOf(actual, 'etag')]
  return said === sent || (said === undefined && sent?.startsWith('W/"') === true)
}

/** The fields that the cache is asked to write, and what it may write. */
const written: ReadonlyMap<string, (actual: Answer, expected: Answer, leeway: Leeway) => boolean> = new Map([
  ['vary', sameVary],
  ['cache-control', sameCacheControl],
  ['content-length', sameLength],
  ['etag', sameTag],
])

const sameField = (name: string, actual: Answer, expected: Answer, leeway: Leeway): boolean => {
  const byCache = written.get(name)
  if (byCache !== undefined) return byCache(actual, expected, leeway)
  const missing = linesOf(actual, name).length === 0
  const withheld = leeway.shape?.withheld?.includes(name) === true
  if (leeway.reused && withheld) return missing
  if ((leeway.reused || leeway.confirmed) && missing && (withheld || ofOneExchange.has(name))) return true
  return sortedLines(actual, name) === sortedLines(expected, name)
}

/** What differs in the header sections, beyond what may. */
export const differingFields = (actual: Answer, expected: Answer, leeway: Leeway): readonly string[] => {
  const hop = membersOf(fieldOf(expected, 'connection'))
  const names = new Set([...actual.headers, ...expected.headers].map(([name]) => name))
  const differing = [...names]
    .filter((name) => !ignored.has(name) && !hop.includes(name))
    .filter((name) => !sameField(name, actual, expected, leeway))
    .map((name) => `${name}: ${sortedLines(actual, name)} instead of ${sortedLines(expected, name)}`)
  return linesOf(actual, 'stowage-cache-control').length === 0
    ? differing
    : [...differing, 'stowage-cache-control: must not leave']
}

const differingBodies = (actual: Answer, expected: Answer): readonly string[] =>
  actual.body.equals(expected.body)
    ? []
    : [`body: ${preview(actual.body)} instead of ${preview(expected.body)}`]

const preview = (body: Buffer): string =>
  `${body.length} bytes ${JSON.stringify(body.subarray(0, 300).toString('latin1'))}`

/** Everything in which an answer differs from what it should be, beyond what may. */
export const differences = (actual: Answer, expected: Answer, leeway: Leeway): readonly string[] => {
  const found: string[] = []
  if (actual.status !== expected.status) found.push(`status: ${actual.status} instead of ${expected.status}`)
  if (actual.reason !== expected.reason) found.push(`reason: ${actual.reason} instead of ${expected.reason}`)
  found.push(...differingFields(actual, expected, leeway), ...differingBodies(actual, expected))
  if (leeway.reused || leeway.derived === true) return found
  for (const part of ['trailers', 'interim'] as const)
    if (JSON.stringify(actual[part]) !== JSON.stringify(expected[part]))
      found.push(`${part}: ${JSON.stringify(actual[part])} instead of ${JSON.stringify(expected[part])}`)
  return found
}
