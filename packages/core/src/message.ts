/**
 * A value at once, or later. A caller branches once and stays synchronous where it can.
 *
 * @example
 * const decision: MaybePromise<Decision> = cache.lookup(request)
 */
export type MaybePromise<T> = T | Promise<T>

/**
 * Header fields by lower-case name; several field lines are a list (RFC 9110 §5.3).
 *
 * @example
 * const headers: FieldMap = { 'content-type': 'text/html', link: ['</a>', '</b>'] }
 */
export type FieldMap = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Status and header section of a response; `reason` only where it is not the standard phrase of the status.
 *
 * @example
 * const head: ResponseHead = { status: 200, headers: { etag: '"v1"' } }
 */
export interface ResponseHead {
  readonly status: number
  readonly reason?: string | undefined
  readonly headers: FieldMap
}

/**
 * Why a decision fell as it did: a stable code, the particulars, and the clause it follows.
 *
 * @example
 * const reason: Reason = { code: 'no-store', detail: 'Cache-Control: no-store', ref: 'RFC 9111 §5.2.2.5' }
 */
export interface Reason {
  readonly code: string
  readonly detail: string
  readonly ref: string
}

/**
 * Whether a value is there only later.
 *
 * @example
 * const decision = cache.lookup(request)
 * if (isPromise(decision)) decision.then(act)
 * else act(decision)
 */
export const isPromise = <T>(value: MaybePromise<T>): value is Promise<T> =>
  typeof (value as { then?: unknown } | undefined)?.then === 'function'

/** Continues with `next` at once where `value` is there already, so that a synchronous backend costs no promise. */
export const whenReady = <T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> => {
  if (!isPromise(value)) return next(value)
  // What only looks like a promise need not keep to the rules of one.
  return value instanceof Promise ? value.then(next) : Promise.resolve(value).then(next)
}

/** All of them, at once where each is there already. */
export const allReady = <T>(values: readonly MaybePromise<T>[]): MaybePromise<readonly T[]> =>
  values.some((value) => isPromise(value)) ? Promise.all(values) : (values as readonly T[])

/**
 * `run` for each, at once where each is there already. One that throws keeps no other from being begun, nor leaves a
 * promise alone that rejects later and would end the process.
 */
export const eachReady = <T, R>(
  items: readonly T[],
  run: (item: T) => MaybePromise<R>,
): MaybePromise<readonly R[]> => {
  const thrown: { readonly error: unknown }[] = []
  const values: MaybePromise<R>[] = []
  for (const item of items) {
    try {
      values.push(run(item))
    } catch (error) {
      thrown.push({ error })
    }
  }
  const [first] = thrown
  if (first === undefined) return allReady(values)
  if (values.some((value) => isPromise(value))) return Promise.all([...values, Promise.reject(first.error)])
  throw first.error
}
