import { finished, type Readable } from 'node:stream'
import type { FieldMap, Forward, Verdict } from '@stowage/core'
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

/**
 * What is to be done about a body that has been judged with its head.
 *
 * @example
 * const judged: JudgedBody | undefined = judgeUnsent(captured, forward, { body: () => Buffer.from('hello') })
 */
export interface JudgedBody {
  readonly verdict: Verdict
  /** Records the body where it is wanted. A stream is recorded while it is read: that is the one to send, or to drain. */
  record(): Readable | undefined
}

/**
 * Judges a head before its framework sends it, and leaves recording the body to when that may be read. Undefined where
 * the response has begun, and is captured as ever.
 *
 * @example
 * const judged = judgeUnsent(captured, forward, { body: () => Buffer.from('hello') })
 * judged?.record()
 */
export const judgeUnsent = (captured: Captured, forward: Forward, unsent: Unsent): JudgedBody | undefined => {
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
 * Reads a stream to its end, for who records it; rejects where it breaks off.
 *
 * @example
 * await drained(stream)
 */
export const drained = (stream: Readable): Promise<void> =>
  new Promise((resolve, reject) => {
    finished(stream.resume(), (error) => (error ? reject(error) : resolve()))
  })

/**
 * Lets go what a web stream, or a `Response`, holds on to that nobody will read.
 *
 * @example
 * cancelUnread(response.body)
 */
export const cancelUnread = (body: unknown): void => {
  const stream = (body instanceof Response ? body.body : body) as Partial<ReadableStream> | null | undefined
  if (typeof stream?.getReader === 'function') stream.cancel?.().catch(() => undefined)
}
