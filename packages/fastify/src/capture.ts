import type { Readable } from 'node:stream'
import {
  type Forward,
  type HandlerCache,
  isPromise,
  type MaybePromise,
  type ResponseCache,
} from '@stowage/core'
import {
  begun,
  type Captured,
  currentFields,
  isGone,
  isWebStream,
  letGo,
  openForward,
  type Sendable,
  settleUnsent,
  sourceOf,
  type Unsent,
} from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ReplyFields } from './reply-fields.ts'
import { putSelected } from './selected.ts'
import { whileWaiting } from './waiting.ts'

/** How an `onSend` hook goes on. */
export type Done = (error?: Error | null, payload?: unknown) => void

const nothing = Buffer.alloc(0)

/** What Fastify will send of a payload. */
const unsentOf = (payload: unknown, status: number): Unsent => {
  if (payload === undefined || payload === null || status === 204) return { body: () => nothing }
  if (typeof payload === 'string') return { body: () => Buffer.from(payload) }
  if (Buffer.isBuffer(payload)) return { body: () => Buffer.from(payload) }
  return { read: sourceOf(payload) ?? (() => payload as Readable) }
}

/** A web stream as one of Node's, unless somebody reads it already. */
const readable = (payload: unknown): unknown =>
  isWebStream(payload) && !payload.locked ? sourceOf(payload)?.() : payload

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
    const ready = begun(payload, this.#forward, this.#reply.raw, new ReplyFields(this.#reply))
    if (ready === undefined) this.#settle(payload, done)
    else {
      const settle = (): void => this.#settle(payload, done)
      // A stream that ends with its client has not failed: what its handler has changed counts.
      this.#wait(ready).then(settle, (error) => (isGone(this.#reply.raw) ? settle() : done(error)))
    }
  }

  /** Its handler has ended without an answer, since the client had gone: what it has changed still counts. */
  leave(): void {
    this.#judge(undefined)
  }

  #judge(payload: unknown): MaybePromise<Sendable | undefined> {
    const unsent = unsentOf(payload, this.#reply.raw.statusCode)
    return settleUnsent(this.#captured, this.#forward, unsent, payload)
  }

  #settle(payload: unknown, done: Done): void {
    const settled = this.#judge(payload)
    if (settled === undefined) {
      // What was judged could not be sent: an error is.
      this.#captured.retract()
      done(null, payload)
    } else if (isPromise(settled)) {
      // A body that breaks off is one also where another response was to be sent when it had come to its end.
      this.#wait(this.#whileAsked(settled, payload))
        .then((sendable) => this.#goOn(sendable, payload, done))
        .catch(() => void this.#reply.raw.destroy())
    } else this.#goOn(settled, payload, done)
  }

  /** Fastify would let a stream go with its client, and does not have it yet. */
  async #whileAsked<T>(over: Promise<T>, payload: unknown): Promise<T> {
    const { raw } = this.#reply
    const leave = (): void => letGo(payload)
    raw.once('close', leave)
    try {
      return await over
    } finally {
      raw.off('close', leave)
    }
  }

  async #wait<T>(over: Promise<T>): Promise<T> {
    this.#waits = true
    try {
      return await whileWaiting(this.#reply, over)
    } finally {
      this.#waits = false
    }
  }

  #goOn(sendable: Sendable | undefined, payload: unknown, done: Done): void {
    const { response, stream = payload } = sendable ?? {}
    done(null, response === undefined ? stream : putSelected(this.#reply, response))
  }
}
