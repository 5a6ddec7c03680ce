import type { Readable } from 'node:stream'
import { type FieldMap, type Forward, type HandlerCache, isPromise, type MaybePromise } from '@stowage/core'
import {
  type Captured as CapturedResponse,
  currentFields,
  declaredOn,
  isWebStream,
  openForward,
  passesForSuccess,
  type Sendable,
  settleUnsent,
  sourceOf,
  type Unsent,
} from '@stowage/node'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ReplyFields } from './reply-fields.ts'
import { routeOf } from './request.ts'
import type { Cache } from './scope.ts'
import { putSelected, trailersOf } from './selected.ts'
import { whileWaiting } from './waiting.ts'

/** How an `onSend` hook goes on. */
export type Done = (error?: Error | null, payload?: unknown) => void

/** What stands for a request at the beginning of `onSend`. */
export interface Layer {
  readonly handler?: HandlerCache | undefined
  /** The hooks in front of the cache have run: what comes is the handler's. */
  begin?(): void
  send(payload: unknown, done: Done, reply: FastifyReply): void
  /** No answer will come. */
  leave?(): void
  /** What is sent from now on is about an error. */
  fail?(): void
}

export const captured = Symbol('stowage.capture')

export type Captured = FastifyRequest & { [captured]: Layer | null }

const nothing = Buffer.alloc(0)

/** What Fastify takes off a response that has none. */
const noContent = { 'content-type': undefined, 'content-length': undefined }

/** What Fastify will send of a payload. */
const unsentOf = (payload: unknown, status: number): Unsent => {
  if (status === 204) return { headers: noContent, body: () => nothing }
  if (payload === undefined || payload === null) return { body: () => nothing }
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
export class ReplyCapture implements Layer {
  readonly handler: HandlerCache | undefined
  readonly #forward: Forward
  readonly #captured: CapturedResponse
  readonly #reply: FastifyReply
  readonly #fields: ReplyFields
  #outerTrailers: ReturnType<typeof trailersOf>
  /** One answer is on its way, and waits. */
  #waits = false
  /** What the handler had said of its success when it failed. */
  #declared: FieldMap | undefined

  constructor(cache: Cache, reply: FastifyReply, forward: Forward) {
    const { raw, request } = reply
    this.#reply = reply
    this.#fields = new ReplyFields(reply)
    this.#forward = forward
    this.#outerTrailers = trailersOf(reply)
    // Another cache in front, one for plain node:http, may listen as well.
    const owner = { cache: (request.raw as { cache?: HandlerCache }).cache }
    const routeMet = (): string => {
      forward.meet({ headers: currentFields(request, forward.request.headers) })
      return routeOf(request)
    }
    this.#captured = openForward(cache, forward, raw, owner, routeMet, this.#fields)
    this.handler = owner.cache
    forward.onNotModified = () => void reply.code(304).send()
  }

  begin(): void {
    this.#outerTrailers = trailersOf(this.#reply)
    this.#captured.begin()
  }

  /** What `onSend` is for, at its very beginning. */
  send(given: unknown, done: Done): void {
    // A handler that does not return its reply has Fastify send another.
    if (this.#waits) return
    const { statusCode } = this.#reply
    if (this.#declared !== undefined && passesForSuccess(statusCode, this.#fields, this.#declared))
      this.#forward.handler.skip('thrown')
    const payload = readable(opened(this.#reply, given))
    const goOn = (sendable: Sendable | undefined): void => {
      // What was judged could not be sent: an error is.
      if (sendable === undefined) this.#captured.retract()
      const { response, stream = payload } = sendable ?? {}
      done(null, response === undefined ? stream : putSelected(this.#reply, response, this.#outerTrailers))
    }
    const settled = this.#settle(payload)
    if (isPromise(settled)) settled.then(goOn, done).catch(() => void this.#reply.raw.destroy())
    else goOn(settled)
  }

  /** Its handler has ended without an answer, since the client had gone: what it has changed still counts. */
  leave(): void {
    this.#settle(undefined)
  }

  /** Fastify keeps the fields that are set: they are no word about the answer of an error handler. */
  fail(): void {
    this.#declared ??= declaredOn(this.#fields)
  }

  async #wait<T>(over: Promise<T>): Promise<T> {
    this.#waits = true
    try {
      return await whileWaiting(this.#reply, over)
    } finally {
      this.#waits = false
    }
  }

  #settle(payload: unknown): MaybePromise<Sendable | undefined> {
    const { raw } = this.#reply
    const wait = <T>(over: Promise<T>): Promise<T> => this.#wait(over)
    const known = { captured: this.#captured, forward: this.#forward, fields: this.#fields }
    const exchange = { ...known, response: raw, wait }
    return settleUnsent(exchange, payload, () => unsentOf(payload, raw.statusCode))
  }
}
