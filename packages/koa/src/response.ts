import { type Readable, Stream } from 'node:stream'
import type { FieldMap, Forward, SelectedResponse } from '@stowage/core'
import {
  type Captured,
  editRequest,
  keepHead,
  makeRoomForTrailers,
  putHead,
  send,
  settleUnsent,
  sourceOf,
  type Unsent,
  withoutContent,
} from '@stowage/node'
import type { Context } from 'koa'

/** Statuses of which Koa sends no body. */
const empty: ReadonlySet<number> = new Set([204, 205, 304])
const nothing = Buffer.alloc(0)
const statusText = { 'content-type': 'text/plain; charset=utf-8', 'content-length': undefined }

/** Koa 3 has `ctx.back`, and all that it reads; Koa 2 sends what is of the web as JSON. */
const isRead = ({ body, response }: Context): boolean => {
  if (body instanceof Stream) return true
  if (!('back' in response)) return false
  const isOfTheWeb = [ReadableStream, Blob, Response].some((kind) => body instanceof kind)
  return isOfTheWeb || (body as Partial<Readable> | null)?.readable === true
}

/** What Koa reads a body from: any other object is sent as JSON, whatever methods it has. */
const readerOf = (ctx: Context): (() => Readable) | undefined =>
  isRead(ctx) ? sourceOf(ctx.body) : undefined

/** What Koa will send of a context. */
const unsentOf = (ctx: Context): Unsent => {
  const { body } = ctx
  const read = readerOf(ctx)
  if (read !== undefined) return { read }
  if (body === null || empty.has(ctx.status)) return withoutContent
  if (Buffer.isBuffer(body)) return { body: () => body }
  const text = (): string => {
    if (typeof body === 'string') return body
    if (body !== undefined) return JSON.stringify(body)
    return ctx.req.httpVersionMajor < 2 ? ctx.message || String(ctx.status) : String(ctx.status)
  }
  return { headers: body === undefined ? statusText : {}, body: () => Buffer.from(text()) }
}

/** Puts a stream in the place of another body, and changes nothing else. */
const replaceBody = (ctx: Context, stream: Readable): void => {
  const putBack = keepHead(ctx.res)
  ctx.body = stream
  putBack()
}

/**
 * Answers with a selected response over whatever fields the outer layers have set, in a form that they can still work
 * on.
 */
export const select = (ctx: Context, selected: SelectedResponse): void => {
  const { status, body } = selected
  const { req, res, response } = ctx
  response.status = status
  // Middleware further out would cut another range out of this one.
  if (status === 206 || status === 416) editRequest(req, req.headers as FieldMap, { range: undefined })
  // Before the body: Koa guesses a type where there is none.
  putHead(res, selected)
  if (empty.has(status)) response.body = null
  else if (body !== null || req.method !== 'HEAD') {
    const typed = res.hasHeader('content-type')
    response.body = body ?? nothing
    if (!typed) res.removeHeader('content-type')
    // Koa says the length of whatever is set.
    makeRoomForTrailers(res, selected)
  }
}

/** Node's own, and Koa's. */
const listeners = 2

/** Answers at once, where no middleware is further out that could work on it. */
export const sendSelected = (ctx: Context, selected: SelectedResponse): void => {
  ctx.respond = false
  send(ctx.res, selected, ctx.res, listeners)
}

/** Reports what the handler's side has left on the context, and does what the verdict says. */
export const report = async (ctx: Context, forward: Forward, captured: Captured): Promise<void> => {
  const read = forward.handler.status === 'revalidate' ? readerOf(ctx) : undefined
  // So that of any body that is read the beginning can be waited for.
  if (read !== undefined && !(ctx.body instanceof Stream)) replaceBody(ctx, read())
  // A body that fails cuts the client off, as where Koa had been sending it; Koa is told as it would be then.
  const exchange = { captured, forward, response: ctx.res, cutOff: (error: Error) => ctx.onerror(error) }
  const sendable = await settleUnsent(exchange, ctx.body, () => unsentOf(ctx))
  if (sendable?.response !== undefined) select(ctx, sendable.response)
  else if (sendable?.stream !== undefined) replaceBody(ctx, sendable.stream)
}
