import { Readable } from 'node:stream'
import type { Forward, HandlerCache, ResponseCache, Verdict } from '@stowage/core'
import {
  begun,
  type Captured,
  cancelUnread,
  currentFields,
  drained,
  type JudgedBody,
  judgeUnsent,
  openForward,
  type Unsent,
} from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ReplyFields } from './reply-fields.ts'
import { bodyFor, putHead } from './selected.ts'
import { whileWaiting } from './waiting.ts'

/** How an `onSend` hook goes on. */
export type Done = (error?: Error | null, payload?: unknown) => void

const nothing = Buffer.alloc(0)

const isWebStream = (payload: unknown): payload is Parameters<typeof Readable.fromWeb>[0] =>
  typeof (payload as { getReader?: unknown }).getReader === 'function'

/** What Fastify will send of a payload. */
const unsentOf = (payload: unknown, status: number): Unsent => {
  if (payload === undefined || payload === null || status === 204) return { body: () => nothing }
  if (typeof payload === 'string') return { body: () => Buffer.from(payload) }
  if (Buffer.isBuffer(payload)) return { body: () => Buffer.from(payload) }
  return { read: () => (isWebStream(payload) ? Readable.fromWeb(payload) : (payload as Readable)) }
}

/** What a payload that nobody will read holds on to is let go. */
const discard = (payload: unknown): void => {
  if (payload instanceof Readable) payload.on('error', () => undefined).destroy()
  else cancelUnread(payload)
}

/** A web stream as one of Node's, unless somebody reads it already. */
const readable = (payload: unknown): unknown =>
  isWebStream(payload ?? {}) && !(payload as ReadableStream).locked
    ? Readable.fromWeb(payload as Parameters<typeof Readable.fromWeb>[0])
    : payload

/** The parts of a `Response`, which Fastify would take later. */
const opened = (reply: FastifyReply, payload: unknown): unknown => {
  if (!(payload instanceof Response)) return payload
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  return payload.bodyUsed ? payload : payload.body
}

/**
 * Reports what a route answers to its Forward and does what the verdict says. It stands where Fastify has serialised
 * the payload and no other `onSend` hook has seen it: what those do belongs to each exchange.
 */
export class ReplyCapture {
  readonly handler: HandlerCache | undefined
  readonly #reply: FastifyReply
  readonly #forward: Forward
  readonly #captured: Captured
  /** One answer is on its way, and waits. */
  #waits = false

  constructor(cache: ResponseCache<FastifyRequest>, reply: FastifyReply, forward: Forward, route: string) {
    const { raw, request } = reply
    this.#reply = reply
    this.#forward = forward
    // Another cache in front, one for plain node:http, may listen as well.
    const owner = { cache: (request.raw as { cache?: HandlerCache }).cache }
    const routeOf = (): string => {
      forward.meet({ headers: currentFields(request, forward.request.headers) })
      return route
    }
    this.#captured = openForward(cache, forward, raw, owner, routeOf, new ReplyFields(reply))
    this.handler = owner.cache
    forward.onNotModified = () => void reply.code(304).send()
  }

  /** What `onSend` is for, at its very beginning. */
  send(given: unknown, done: Done): void {
    // A handler that does not return its reply has Fastify send another.
    if (this.#waits) return
    const payload = readable(opened(this.#reply, given))
    const ready = begun(payload, this.#forward, this.#reply.raw)
    if (ready === undefined) {
      this.#report(payload, done)
      return
    }
    this.#waits = true
    const over = (): void => {
      this.#waits = false
    }
    whileWaiting(this.#reply, ready.finally(over)).then(() => this.#report(payload, done), done)
  }

  #report(payload: unknown, done: Done): void {
    const judged = this.#judge(payload)
    if (judged === undefined) {
      // What was judged could not be sent: an error is.
      this.#captured.retract()
      done(null, payload)
      return
    }
    const { verdict } = judged
    const stream = judged.record()
    const go = (): void => {
      this.#waits = false
      done(null, this.#bodyBy(verdict, stream ?? payload))
    }
    const ready = this.#readiness(verdict, stream, payload)
    if (ready === undefined) {
      go()
      return
    }
    this.#waits = true
    // A body that breaks off is one also where another response was to be sent when it had come to its end.
    whileWaiting(this.#reply, ready)
      .then(go)
      .catch(() => void this.#reply.raw.destroy())
  }

  /** Its handler has ended without an answer, since the client had gone: what it has changed still counts. */
  leave(): void {
    this.#judge(undefined)
  }

  #judge(payload: unknown): JudgedBody | undefined {
    return judgeUnsent(this.#captured, this.#forward, unsentOf(payload, this.#reply.raw.statusCode))
  }

  /** What is waited for: an invalidation, or the body where it is wanted and another response is sent. */
  #readiness(
    { hold, response }: Verdict,
    stream: Readable | undefined,
    payload: unknown,
  ): Promise<unknown> | undefined {
    if (response === undefined) return hold
    if (stream !== undefined)
      return hold === undefined ? drained(stream) : Promise.all([drained(stream), hold])
    discard(payload)
    return hold
  }

  #bodyBy({ response }: Verdict, body: unknown): unknown {
    if (response === undefined) return body
    putHead(this.#reply, response)
    return bodyFor(this.#reply, response)
  }
}
