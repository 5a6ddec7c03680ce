import type { Readable } from 'node:stream'
import type { FieldMap, Forward, MaybePromise, SelectedResponse, Verdict } from '@stowage/core'
import { drained, letGo } from './body-source.ts'
import type { Captured } from './captured.ts'
import { tee } from './tee.ts'

/**
 * A body as a framework keeps it until it sends: all of it, or what it is read from.
 *
 * @example
 * const text: Unsent = { body: () => Buffer.from('hello') }
 * const file: Unsent = { read: () => createReadStream('page.html') }
 */
export type Unsent = {
  /** Fields that the framework will set, or remove, only as it sends. Default: none. */
  readonly headers?: FieldMap
} & ({ readonly body: () => Buffer } | { readonly read: () => Readable })

interface JudgedBody {
  readonly verdict: Verdict
  /** Records the body where it is wanted. A stream is recorded while it is read: that is the one to send, or to drain. */
  record(): Readable | undefined
}

/** Judges a head before its framework sends it, and leaves recording the body to when that may be read. */
const judgeUnsent = (captured: Captured, forward: Forward, unsent: Unsent): JudgedBody | undefined => {
  let whole = false
  const complete = (): void => {
    whole = true
  }
  const body = 'body' in unsent ? { body: unsent.body } : {}
  const verdict = captured.judge({ headers: unsent.headers ?? {}, ...body, isWhole: () => whole })
  if (verdict === undefined) return undefined
  whole = !verdict.record
  const record = (): Readable | undefined => {
    if (!verdict.record) return undefined
    if ('read' in unsent) return tee(unsent.read(), forward, complete)
    forward.write(unsent.body())
    complete()
    return undefined
  }
  return { verdict, record }
}

/**
 * What is to be sent: a selected response, or a stream in the place of the body; with neither, what is there.
 *
 * @example
 * const sendable: Sendable = { stream }
 */
export interface Sendable {
  readonly response?: SelectedResponse
  readonly stream?: Readable
}

/**
 * Judges and records a response before its framework sends it. Resolves when it may leave: an invalidation is done, and
 * a body that is recorded though another response is sent has come to its end; rejects where that breaks off. Undefined
 * where the response has begun, and is captured as ever.
 *
 * @param given The body as it was given: where nobody will read it, what it holds on to is let go.
 * @example
 * const sendable = await settleUnsent(captured, forward, { body: () => Buffer.from('hello') })
 */
export const settleUnsent = (
  captured: Captured,
  forward: Forward,
  unsent: Unsent,
  given?: unknown,
): MaybePromise<Sendable | undefined> => {
  const judged = judgeUnsent(captured, forward, unsent)
  if (judged === undefined) return undefined
  const { hold, response } = judged.verdict
  const stream = judged.record()
  if (response === undefined) {
    const sendable: Sendable = stream === undefined ? {} : { stream }
    return hold === undefined ? sendable : hold.then(() => sendable)
  }
  if (stream === undefined) letGo(given)
  const over = stream === undefined ? undefined : drained(stream)
  if (hold === undefined && over === undefined) return { response }
  return Promise.all([hold, over]).then(() => ({ response }))
}
