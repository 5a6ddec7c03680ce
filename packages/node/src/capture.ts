import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { FieldMap, Forward, SelectedResponse, Verdict } from '@stowage/core'
import { applyFields, fieldsOf } from './headers.ts'
import { send } from './send.ts'

type Callback = (error?: Error | null) => void

/** The arguments of `write` and `end` in any of their forms. */
interface Piece {
  readonly chunk: Buffer | undefined
  readonly callback: Callback | undefined
  readonly given: readonly unknown[]
}

const toBuffer = (chunk: unknown, encoding: unknown): Buffer | undefined => {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  if (Buffer.isBuffer(chunk)) return chunk
  // Anything else is for the original method to refuse.
  return chunk instanceof Uint8Array
    ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    : undefined
}

const pieceOf = (given: readonly unknown[]): Piece => {
  const callback = given.find((argument) => typeof argument === 'function')
  return { chunk: toBuffer(given[0], given[1]), callback: callback as Callback | undefined, given }
}

const setRawFields = (response: ServerResponse, list: readonly unknown[]): void => {
  // A flat list of names and values, or a list of pairs.
  const flat = list.every(Array.isArray) ? list.flat() : list
  const pairs = Array.from(
    { length: flat.length / 2 },
    (_, i) => [String(flat[2 * i]), flat[2 * i + 1] as string] as const,
  )
  for (const [name] of pairs) response.removeHeader(name)
  for (const [name, value] of pairs) response.appendHeader(name, value)
}

/** Moves what `writeHead` was given onto the response, where it can be read and edited. */
const settleHead = (response: ServerResponse, [status, reason, headers]: readonly unknown[]): void => {
  if (status !== undefined) response.statusCode = Number(status)
  if (typeof reason === 'string') response.statusMessage = reason
  const fields = typeof reason === 'string' ? headers : (headers ?? reason)
  if (Array.isArray(fields)) setRawFields(response, fields)
  else if (typeof fields === 'object' && fields !== null)
    for (const [name, value] of Object.entries(fields))
      if (value !== undefined) response.setHeader(name, value)
}

const customReason = (response: ServerResponse): { reason?: string } => {
  const { statusMessage, statusCode } = response
  return statusMessage && statusMessage !== STATUS_CODES[statusCode] ? { reason: statusMessage } : {}
}

/**
 * Reports a handler's response to its Forward and does what the verdict says. It stands at the cache's own layer:
 * what later middleware puts in front of `writeHead`, `write` and `end` happens before, what earlier middleware did
 * happens after.
 */
class Capture {
  readonly #response: ServerResponse
  readonly #forward: Forward
  readonly #route: () => string | undefined
  readonly #outer: FieldMap
  readonly #original: Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'flushHeaders'>
  #verdict: Verdict | undefined
  /** The body, while `end` has the head judged. */
  #whole: Buffer | undefined
  /** The head is being judged on behalf of `write` or `end`, which let it go afterwards. */
  #deferring = false
  /** What runs now is ours: the patched methods hand it through. */
  #sending = false
  /** Another response is sent, or was: the handler's goes nowhere. */
  #discarding = false
  #held: (() => void)[] | undefined

  constructor(response: ServerResponse, forward: Forward, route: () => string | undefined) {
    this.#response = response
    this.#forward = forward
    this.#route = route
    this.#outer = fieldsOf(response)
    const { writeHead, write, end, flushHeaders } = response
    this.#original = { writeHead, write, end, flushHeaders }
    response.writeHead = ((...given: unknown[]) => this.#writeHead(given)) as typeof response.writeHead
    response.write = ((...given: unknown[]) => this.#write(given)) as typeof response.write
    response.end = ((...given: unknown[]) => this.#end(given)) as typeof response.end
    response.flushHeaders = () => this.#flushHeaders()
    response.on('close', () => forward.abort())
    forward.onNotModified = () => {
      response.statusCode = 304
      response.end()
    }
  }

  #writeHead(given: readonly unknown[]): ServerResponse {
    const response = this.#response
    if (this.#sending) return this.#call('writeHead', given) as ServerResponse
    if (this.#discarding) return response
    if (this.#verdict === undefined) {
      settleHead(response, given)
      this.#judge()
      if (this.#deferring || this.#discarding) return response
      return this.#orLater(() => this.#call('writeHead', [response.statusCode]), response)
    }
    // Node's own `end` and `write` come here again for the head that has been judged.
    return this.#orLater(() => this.#call('writeHead', given), response)
  }

  #write(given: readonly unknown[]): boolean {
    if (this.#sending) return this.#call('write', given) as boolean
    const piece = pieceOf(given)
    this.#judgeFirst(undefined)
    if (this.#verdict?.record === true && piece.chunk !== undefined) this.#forward.write(piece.chunk)
    if (this.#discarding) return this.#swallow(piece, true)
    if (this.#held === undefined) return this.#call('write', given) as boolean
    this.#held.push(() => void this.#call('write', copied(piece)))
    return false
  }

  #end(given: readonly unknown[]): ServerResponse {
    if (this.#sending) return this.#call('end', given) as ServerResponse
    const piece = pieceOf(given)
    this.#judgeFirst(piece.chunk ?? Buffer.alloc(0))
    if (this.#verdict?.record === true && piece.chunk !== undefined) this.#forward.write(piece.chunk)
    // Stored before the last byte leaves, so that whoever has the answer finds it stored.
    void this.#forward.end()
    if (this.#discarding) return this.#swallow(piece, this.#response)
    return this.#orLater(() => this.#call('end', given), this.#response)
  }

  #flushHeaders(): void {
    if (this.#discarding) return
    this.#judgeFirst(undefined)
    if (!this.#discarding) this.#orLater(() => this.#call('flushHeaders', []), undefined)
  }

  /** Lets inner layers that act on the head act first, then judges it. */
  #judgeFirst(whole: Buffer | undefined): void {
    if (this.#verdict !== undefined) return
    this.#deferring = true
    this.#whole = whole
    this.#response.writeHead(this.#response.statusCode)
    if (this.#verdict === undefined) this.#judge()
    this.#whole = undefined
    this.#deferring = false
  }

  #judge(): void {
    const response = this.#response
    const route = this.#route()
    const verdict = this.#forward.respond({
      status: response.statusCode,
      ...customReason(response),
      headers: fieldsOf(response),
      outer: this.#outer,
      ...(this.#whole === undefined ? {} : { body: this.#whole }),
      ...(route === undefined ? {} : { route }),
    })
    this.#verdict = verdict
    if (verdict.hold !== undefined) this.#hold(verdict.hold)
    if (verdict.response !== undefined) this.#replace(verdict.response)
    else this.#edit(verdict)
  }

  #edit({ edits }: Verdict): void {
    for (const name of Object.keys(edits)) if (edits[name] === undefined) this.#response.removeHeader(name)
    applyFields(this.#response, edits)
  }

  /** What the handler had set goes; what stood there before it stays. */
  #replace(selected: SelectedResponse): void {
    const response = this.#response
    this.#discarding = true
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    applyFields(response, this.#outer)
    // Node types it as a string; undefined lets it take the standard phrase again.
    ;(response as { statusMessage?: string | undefined }).statusMessage = undefined
    const sendNow = (): void => {
      this.#sending = true
      send(response, selected)
      this.#sending = false
    }
    if (this.#held === undefined) sendNow()
    else this.#held.push(sendNow)
  }

  /** Nothing leaves before the invalidation is acknowledged (RFC 9111 §4.4). */
  #hold(until: Promise<void>): void {
    this.#held = []
    void until.then(() => {
      const waiting = this.#held ?? []
      this.#held = undefined
      for (const act of waiting) act()
      if (!this.#response.writableEnded) this.#response.emit('drain')
    })
  }

  #orLater<T>(act: () => unknown, result: T): T {
    if (this.#held === undefined) act()
    else this.#held.push(() => void act())
    return result
  }

  #swallow<T>({ callback }: Piece, result: T): T {
    if (callback !== undefined) process.nextTick(callback)
    return result
  }

  /** HTTP/2's `end` calls `write`, and every one of them `writeHead`: those calls are ours, not the handler's. */
  #call(method: 'writeHead' | 'write' | 'end' | 'flushHeaders', given: readonly unknown[]): unknown {
    const before = this.#sending
    this.#sending = true
    try {
      const original = this.#original[method] as (...given: readonly unknown[]) => unknown
      return original.apply(this.#response, [...given])
    } finally {
      this.#sending = before
    }
  }
}

/** A chunk that waits may be used again by who wrote it. */
const copied = ({ chunk, given }: Piece): readonly unknown[] =>
  chunk === undefined || typeof given[0] === 'string' ? given : [Buffer.from(chunk), ...given.slice(1)]

/**
 * Patches a response so that its Forward is told of it. `route` is asked when the head is known.
 *
 * @example
 * capture(response, forward, () => undefined)
 * listener(request, response)
 */
export const capture = (
  response: ServerResponse,
  forward: Forward,
  route: () => string | undefined,
): void => {
  new Capture(response, forward, route)
}
