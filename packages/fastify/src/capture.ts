import type { ServerResponse } from 'node:http'
import { finished, Readable } from 'node:stream'
import type { FieldMap, Forward, HandlerCache, SelectedResponse, Verdict } from '@stowage/core'
import {
  type Aside,
  applyEdits,
  applyFields,
  capture,
  clearReason,
  currentFields,
  customReason,
  endListeners,
  fieldsOf,
  joinHandlers,
  sendAside,
  takeBackEdits,
  takeVary,
  tee,
} from '@stowage/node'
import type { FastifyReply } from 'fastify'
import { ReplyFields } from './reply-fields.ts'
import { bodyFor, putHead } from './selected.ts'

/** How an `onSend` hook goes on. */
export type Done = (error?: Error | null, payload?: unknown) => void

const untouched: Verdict = { record: false, edits: {} }
const nothing = Buffer.alloc(0)

/** A payload that is known as a whole; undefined for streams. */
const wholeOf = (payload: unknown, status: number): Buffer | undefined => {
  if (payload === undefined || payload === null || status === 204) return nothing
  if (typeof payload === 'string') return Buffer.from(payload)
  return Buffer.isBuffer(payload) ? payload : undefined
}

const isWebStream = (payload: unknown): payload is Parameters<typeof Readable.fromWeb>[0] =>
  typeof (payload as { getReader?: unknown }).getReader === 'function'

/** What a payload that nobody will read holds on to is let go. */
const discard = (payload: unknown): void => {
  if (payload instanceof Readable) payload.on('error', () => undefined).destroy()
  else if (isWebStream(payload ?? {})) (payload as ReadableStream).cancel().catch(() => undefined)
}

/** Of the constructor these would keep each request alive longer; see `capture` in @stowage/node. */
const abortOnClose = (raw: ServerResponse, forward: Forward, capture: ReplyCapture): void => {
  // A client that has been answered may leave; its handler goes on.
  raw.on('close', () => {
    if (!capture.isSetAside) forward.abort()
  })
}
const endingWith304 = (reply: FastifyReply) => (): void => {
  reply.code(304).send()
}

/**
 * Reports what a route answers to its Forward and does what the verdict says. It stands where Fastify has serialised
 * the payload and no other `onSend` hook has seen it: what those do belongs to each exchange.
 */
export class ReplyCapture {
  readonly handler: HandlerCache
  readonly #reply: FastifyReply
  readonly #forward: Forward
  readonly #route: string
  readonly #fields: ReplyFields
  readonly #outer: FieldMap
  readonly #listeners: ReadonlySet<unknown>
  #phase: 'open' | 'held' | 'judged' | 'raw' = 'open'
  #verdict = untouched
  /** The head as the handler's side left it. */
  #before: FieldMap = {}
  #complete = false
  /** The client has been answered while the handler still runs. */
  #aside: Aside | undefined
  /** HTTP/2's `end` calls `write`: that is Node's, not the handler's. */
  #isSending = false

  constructor(reply: FastifyReply, forward: Forward, route: string) {
    this.#reply = reply
    this.#forward = forward
    this.#route = route
    this.#fields = new ReplyFields(reply)
    const vary = takeVary(this.#fields)
    this.#outer = { ...fieldsOf(this.#fields), ...(vary === undefined ? {} : { vary }) }
    // Another cache in front, one for plain node:http, may listen as well.
    this.handler = joinHandlers((reply.request.raw as { cache?: HandlerCache }).cache, forward.handler)
    abortOnClose(reply.raw, forward, this)
    this.#listeners = endListeners(reply.raw)
    forward.onNotModified = endingWith304(reply)
    this.#watchRaw()
  }

  get isSetAside(): boolean {
    return this.#aside !== undefined
  }

  /** What `onSend` is for, at its very beginning. */
  send(given: unknown, done: Done): void {
    // One answer is on its way: a handler that does not return its reply has Fastify send another.
    if (this.#phase === 'held') return
    if (this.#phase !== 'open') {
      this.#sendInstead(given, done)
      return
    }
    const payload = this.#recorded(this.#judge(this.#opened(given)))
    const { response } = this.#verdict
    const go = (): void => {
      this.#phase = 'judged'
      done(null, response === undefined ? payload : this.#replaceBy(response))
    }
    const ready = this.#readiness(payload)
    if (ready === undefined) {
      go()
      return
    }
    this.#phase = 'held'
    // A body that breaks off is one also where another response was to be sent when it had come to its end.
    ready.then(go).catch(() => void this.#reply.raw.destroy())
  }

  /** The parts of a `Response`, which Fastify would take later. */
  #opened(payload: unknown): unknown {
    if (!(payload instanceof Response)) return payload
    this.#reply.code(payload.status)
    for (const [name, value] of payload.headers) this.#reply.header(name, value)
    return payload.bodyUsed ? payload : payload.body
  }

  #judge(payload: unknown): unknown {
    const { raw, request } = this.#reply
    const forward = this.#forward
    // What the handler could read of the header is what the response may depend on.
    forward.meet({ headers: currentFields(request, forward.request.headers) })
    this.#before = fieldsOf(this.#fields)
    const body = wholeOf(payload, raw.statusCode)
    this.#verdict = forward.respond({
      status: raw.statusCode,
      method: request.method,
      ...customReason(raw),
      headers: this.#before,
      outer: this.#outer,
      ...(body === undefined ? {} : { body }),
      route: this.#route,
    })
    const { edits, response } = this.#verdict
    if (response === undefined) applyEdits(this.#fields, edits, this.#outer.vary)
    return payload
  }

  /** The payload, with its body recorded while it is sent. */
  #recorded(payload: unknown): unknown {
    if (!this.#verdict.record) return payload
    const whole = wholeOf(payload, this.#reply.raw.statusCode)
    if (whole === undefined) {
      const source = isWebStream(payload) ? Readable.fromWeb(payload) : (payload as Readable)
      return tee(source, this.#forward, () => {
        this.#complete = true
      })
    }
    this.#forward.write(whole)
    this.#complete = true
    return payload
  }

  /** What is waited for: an invalidation, or the body where it is wanted and another response is sent. */
  #readiness(payload: unknown): Promise<unknown> | undefined {
    const { hold, response, record } = this.#verdict
    if (response !== undefined && !record) discard(payload)
    if (response === undefined || !record || !(payload instanceof Readable)) return hold
    const drained = new Promise<void>((resolve, reject) => {
      finished(payload.resume(), (error) => (error ? reject(error) : resolve()))
    })
    return hold === undefined ? drained : Promise.all([drained, hold])
  }

  /** Another response: what the handler had set goes; what stood there before it stays. */
  #replaceBy(response: SelectedResponse): unknown {
    for (const name of this.#fields.getHeaderNames()) this.#fields.removeHeader(name)
    applyFields(this.#fields, this.#outer)
    clearReason(this.#reply.raw)
    putHead(this.#reply, response)
    return bodyFor(this.#reply, response)
  }

  /** What was judged could not be sent: an error is, and nothing is stored. */
  #sendInstead(payload: unknown, done: Done): void {
    this.#forward.abort()
    takeBackEdits(this.#fields, this.#verdict.edits, this.#before)
    this.#verdict = untouched
    done(null, payload)
  }

  /** Sends another response now; what the route still answers is recorded, and goes nowhere. */
  #replace(
    selected: SelectedResponse,
    { writeHead, end }: Pick<ServerResponse, 'writeHead' | 'end'>,
  ): boolean {
    const { raw } = this.#reply
    if (this.#phase !== 'open') return false
    const layer = { writeHead: writeHead.bind(raw), end: end.bind(raw) } as Pick<
      ServerResponse,
      'writeHead' | 'end'
    >
    const onDestroy = (error: unknown): void => this.#forward.abort(error)
    this.#isSending = true
    this.#aside = sendAside(raw, selected, layer, {
      outer: this.#outer,
      listeners: this.#listeners,
      onDestroy,
    })
    this.#isSending = false
    return this.#aside !== undefined
  }

  /** What is cut off before it has a head has failed: a stale response may stand in for it (RFC 5861 §4). */
  #standsIn(cause: unknown, methods: Pick<ServerResponse, 'writeHead' | 'end'>): boolean {
    const { raw } = this.#reply
    const isOpen = this.#phase === 'open' && this.#aside === undefined
    if (!isOpen || raw.headersSent || raw.destroyed || raw.writableEnded) return false
    const selected = this.#forward.fail(cause)
    return selected !== undefined && this.#replace(selected, methods)
  }

  /** Where a handler writes to Node's response itself, its answer is told of from there, and not stored. */
  #watchRaw(): void {
    const { raw } = this.#reply
    const { writeHead, end, destroy } = raw
    this.#forward.onReplace = (selected) => this.#replace(selected, { writeHead, end })
    raw.destroy = (error) => {
      const cause = error ?? new Error('the response was destroyed before its head')
      // Where it does, the handler destroys what is its own by now.
      return this.#standsIn(cause, { writeHead, end }) ? raw.destroy(error) : destroy.call(raw, error)
    }
    for (const name of ['writeHead', 'write', 'end', 'flushHeaders'] as const) {
      const original = raw[name] as (...given: unknown[]) => unknown
      const watching = (...given: unknown[]): unknown => {
        if (this.#phase === 'open' && !this.#isSending) {
          this.#phase = 'raw'
          this.#forward.handler.skip('raw')
          capture(raw, this.#forward, () => this.#route)
          return (raw[name] as (...given: unknown[]) => unknown)(...given)
        }
        const result = this.#aside?.swallow(name, given) ?? original.apply(raw, given)
        if (name === 'end' && this.#phase === 'judged') this.#ended()
        return result
      }
      Object.assign(raw, { [name]: watching })
    }
  }

  /** In the same turn as the last byte leaves, so that whoever has the answer finds it stored. */
  #ended(): void {
    const cookies = this.#reply.getHeader('set-cookie')
    if (cookies !== undefined && String(cookies) !== String(this.#before['set-cookie']))
      this.#forward.beginsSession()
    if (this.#verdict.record && !this.#complete) this.#forward.abort()
    else void this.#forward.end()
  }
}
