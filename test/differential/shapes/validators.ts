import type { Call, Shape } from '../shape.ts'
import { languageOf } from '../stamp.ts'
import { answer, setFields } from './answer.ts'

const httpDate = (ms: number): string => new Date(ms).toUTCString()
const second = 1000

/** Data of version n was last modified n hours into the year 2020: before any run. */
const modifiedAt = (version: number): string => httpDate(Date.UTC(2020, 0, 1) + version * 3_600 * second)

/** Answers 304 where the request names the tag, as handlers do that keep track of versions themselves. */
const honouring = (call: Call, tag: string, fields: Readonly<Record<string, string>>): void => {
  setFields(call, { ETag: tag, ...fields })
  const stamp = call.stamp()
  const asked = call.request.headers['if-none-match']
  if (asked?.includes(tag) === true) {
    call.reply.status(304)
    call.reply.end()
  } else call.reply.send(stamp)
}

const versionTag = (call: Call): string => `"v${call.run.version}-${call.request.url.length}"`

const tagged = (name: string, tag: (call: Call) => string, rest: Partial<Shape> = {}): Shape => ({
  name,
  fresh: 5,
  handle: (call) => answer(call, { 'Cache-Control': 'max-age=5', ETag: tag(call) }),
  ...rest,
})

/** Validators of all kinds, and handlers that evaluate conditions themselves (RFC 9110 §8.8, §13). */
export const validators: readonly Shape[] = [
  tagged('strong-tag', versionTag),
  tagged('weak-tag', (call) => `W/${versionTag(call)}`),
  tagged('comma-tag', (call) => `"v,${call.run.version}, x"`),
  // Empty for the first version alone: a tag that two versions share would have the handler confirm the older one.
  tagged('empty-tag', (call) => `"${call.run.version === 1 ? '' : call.run.version}"`),
  tagged('bare-tag', (call) => `v${call.run.version}`),
  tagged('odd-tag', (call) => `w/"${call.run.version}"`),
  tagged('validated-always', versionTag, {
    fresh: 0,
    strict: true,
    handle: (call) => honouring(call, versionTag(call), { 'Cache-Control': 'no-cache' }),
  }),
  tagged('validated-slowly', versionTag, {
    handle: async (call) => {
      await call.pause()
      honouring(call, versionTag(call), { 'Cache-Control': 'max-age=5' })
    },
  }),
  tagged('validated-later', versionTag, {
    staleWhileRevalidate: 20,
    handle: (call) =>
      honouring(call, versionTag(call), { 'Cache-Control': 'max-age=5, stale-while-revalidate=20' }),
  }),
  {
    name: 'modified',
    fresh: 5,
    handle: (call) =>
      answer(call, { 'Cache-Control': 'max-age=5', 'Last-Modified': modifiedAt(call.run.version) }),
  },
  {
    name: 'modified-and-tagged',
    fresh: 5,
    handle: (call) =>
      answer(call, {
        'Cache-Control': 'max-age=5',
        'Last-Modified': modifiedAt(call.run.version),
        ETag: versionTag(call),
      }),
  },
  {
    name: 'modified-in-future',
    fresh: 5,
    handle: (call) =>
      answer(call, { 'Cache-Control': 'max-age=5', 'Last-Modified': httpDate(call.run.time + 60 * second) }),
  },
  {
    name: 'modified-only',
    handle: (call) => answer(call, { 'Last-Modified': modifiedAt(call.run.version) }),
  },
  {
    name: 'tagged-variants',
    selects: ['accept-language'],
    fresh: 5,
    handle: (call) => {
      const language = languageOf(call.request.headers)
      const fields = { 'Cache-Control': 'max-age=5', Vary: 'Accept-Language' }
      answer(call, { ...fields, ETag: `"${language}-${call.run.version}"` }, { language })
    },
  },
  {
    name: 'without-ranges',
    fresh: 60,
    handle: (call) => answer(call, { 'Cache-Control': 'max-age=60', 'Accept-Ranges': 'none' }),
  },
  {
    name: 'confirmed-by-handler',
    policy: { ttl: 5 },
    handle: (call) => {
      setFields(call, { ETag: versionTag(call) })
      const stamp = call.stamp()
      if (call.cache?.stale?.etag === versionTag(call)) call.cache.notModified()
      else call.reply.send(stamp)
    },
  },
]
