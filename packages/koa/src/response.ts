import { Readable } from 'node:stream'
import type { Forward, SelectedResponse } from '@stowage/core'
import {
  applyFields,
  begun,
  type Captured,
  cancelUnread,
  drained,
  judgeUnsent,
  type Unsent,
} from '@stowage/node'
import type { Context } from 'koa'

/** Statuses of which Koa sends no body. */
const empty: ReadonlySet<number> = new Set([204, 205, 304])
const nothing = Buffer.alloc(0)
const noBody = { 'content-type': undefined, 'content-length': undefined, 'transfer-encoding': undefined }
const statusText = { 'content-type': 'text/plain; charset=utf-8', 'content-length': undefined }

/** A body that has to be read, in any of the forms that Koa takes; undefined for one that is there. */
const readableOf = (body: unknown): (() => Readable) | undefined => {
  if (body instanceof Blob) return () => Readable.from(body.stream())
  if (body instanceof ReadableStream) return () => Readable.from(body)
  if (body instanceof Response) return () => Readable.from(body.body ?? [])
  const stream = body as Partial<Readable> | null | undefined
  return typeof stream?.pipe === 'function' ? () => body as Readable : undefined
}

/** What Koa will send of a context. */
const unsentOf = (ctx: Context): Unsent => {
  const { body } = ctx
  const read = readableOf(body)
  if (read !== undefined) return { read }
  if (body === null || empty.has(ctx.status)) return { headers: noBody, body: () => nothing }
  if (Buffer.isBuffer(body)) return { body: () => body }
  const text = (): string => {
    if (typeof body === 'string') return body
    if (body !== undefined) return JSON.stringify(body)
    return ctx.req.httpVersionMajor < 2 ? ctx.message || String(ctx.status) : String(ctx.status)
  }
  let bytes: Buffer | undefined
  const made = (): Buffer => {
    bytes ??= Buffer.from(text())
    return bytes
  }
  return { headers: body === undefined ? statusText : {}, body: made }
}

/** Puts a stream in the place of another body, and changes nothing else. */
const replaceBody = (ctx: Context, stream: Readable): void => {
  const { res, status, message } = ctx
  const fields = ['content-type', 'content-length'].map((name) => [name, res.getHeader(name)] as const)
  ctx.status = status
  ctx.body = stream
  if (ctx.req.httpVersionMajor < 2) ctx.message = message
  for (const [name, value] of fields)
    if (value === undefined) res.removeHeader(name)
    else res.setHeader(name, value)
}

/**
 * Answers with a selected response over whatever fields the outer layers have set, in a form that they can still work
 * on.
 */
export const select = (ctx: Context, { status, reason, headers, added, body }: SelectedResponse): void => {
  const { req, res, response } = ctx
  response.status = status
  if (reason !== undefined) response.message = reason
  // Before the body: Koa guesses a type where there is none.
  applyFields(res, headers)
  applyFields(res, added)
  if (empty.has(status)) response.body = null
  else if (body !== null || req.method !== 'HEAD') {
    const typed = res.hasHeader('content-type')
    response.body = body ?? nothing
    if (!typed) res.removeHeader('content-type')
  }
}

/** A body that fails cuts the client off, as where Koa had been sending it; Koa is told as it would be then. */
const cutOff = (ctx: Context, error: Error): void => {
  ctx.res.destroy()
  ctx.onerror(error)
}

/** Reports what the handler's side has left on the context, and does what the verdict says. */
export const report = async (ctx: Context, forward: Forward, captured: Captured): Promise<void> => {
  await begun(ctx.body, forward, ctx.res)
  const judged = judgeUnsent(captured, forward, unsentOf(ctx))
  if (judged === undefined) return
  const { hold, record, response } = judged.verdict
  await hold
  const stream = judged.record()
  if (stream !== undefined && response === undefined) replaceBody(ctx, stream)
  else if (stream !== undefined) await drained(stream).catch((error) => cutOff(ctx, error))
  if (response === undefined) return
  // Of Node's own streams Koa takes care.
  if (!record) cancelUnread(ctx.body)
  select(ctx, response)
}
