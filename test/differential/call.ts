import type { ServerResponse } from 'node:http'
import type { HandlerCache, Selector } from '@stowage/core'
import { type DataKey, keyOfUrl, type Origin, type Run } from './origin.ts'
import {
  type Call,
  exchangeField,
  type HandlerRequest,
  type Reply,
  repeatField,
  type Shape,
} from './shape.ts'
import { stampOf } from './stamp.ts'
import { targetOf } from './url.ts'

type Located = Pick<HandlerRequest, 'url' | 'site'>

/** What a change of the target covers. */
const ownKey = (shape: Shape, { url, site }: Located): DataKey =>
  keyOfUrl(shape.hostless === true ? undefined : site, targetOf(shape, url))

/** The data that an answer of this shape to this request is made of: whatever changes one of it, changes the answer. */
export const dataOf = (shape: Shape, request: Located): readonly DataKey[] => [
  ownKey(shape, request),
  keyOfUrl(undefined, targetOf(shape, request.url)),
  `tag:path ${shape.name}`,
  ...(shape.tags ?? []).map((tag): DataKey => `tag:${tag}`),
  'all',
]

/** A run that is repeated for comparison, or a new one. */
const runOf = (origin: Origin, shape: Shape, request: HandlerRequest): { run: Run; repeats: boolean } => {
  const { method, url, site, headers } = request
  const repeated = headers[repeatField]
  const known = origin.run(Number(repeated))
  if (known !== undefined) return { run: known, repeats: true }
  const exchange = headers[exchangeField]
  const named = typeof exchange === 'string' ? exchange : undefined
  const run = origin.begin(
    shape.name,
    repeated === undefined ? named : `the control of ${named}`,
    { method, url, site, headers },
    dataOf(shape, request),
  )
  return { run, repeats: repeated !== undefined }
}

const pauseMs = 2

/** What a framework hands over. */
export interface Handed {
  readonly request: HandlerRequest
  readonly reply: Reply
  readonly cache: HandlerCache | undefined
  readonly node: ServerResponse
  /** For handlers that invalidate themselves: where no route does. */
  readonly invalidate?: (selector: Selector) => Promise<unknown> | undefined
}

/** Runs the handler of a shape, and has its answer say which run it is from. */
export const runShape = async (shape: Shape, origin: Origin, handed: Handed): Promise<void> => {
  const { request, reply } = handed
  const { run, repeats } = runOf(origin, shape, request)
  const change = (keys: readonly DataKey[]): void => {
    if (repeats) return
    const made = origin.change([...keys, ...(run.changed?.keys ?? [])])
    run.changed = made
    run.version = made.version
  }
  const call: Call = {
    ...handed,
    run,
    stamp: (variant = {}) => {
      const stamp = stampOf(shape, request, run.version, variant)
      reply.set('X-Stamp', stamp)
      return stamp
    },
    pause: () => (repeats ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, pauseMs))),
    change: (paths = []) => {
      change([ownKey(shape, request), ...paths.map((path) => keyOfUrl(request.site, path))])
    },
    changeTag: async (tag) => {
      change([`tag:${tag}`])
      await handed.invalidate?.({ tags: [tag] })
    },
  }
  reply.set('X-Run', String(run.number))
  // Any handler takes its time now and then, after it has seen the data.
  if (run.number % 3 === 0) await call.pause()
  await shape.handle(call)
}
