import type { ServerResponse } from 'node:http'
import { createNowhere } from './detached.ts'
import { ServerResponse as HttpResponse } from './http.ts'
import type { Methods } from './layer.ts'
import { pieceOf, swallowed } from './piece.ts'

type Listener = (...given: unknown[]) => void

const fieldMethods = [
  'setHeader',
  'setHeaders',
  'appendHeader',
  'getHeader',
  'getHeaderNames',
  'getRawHeaderNames',
  'getHeaders',
  'hasHeader',
  'removeHeader',
] as const

/**
 * A response whose client has been answered with another one while its handler still runs. To the handler it looks as
 * if nothing had been sent: fields, status and state are its own from here on, and the ends that it waits for are those
 * of its own response. Layers outside of the cache see what has really been sent.
 *
 * @example
 * const end = (...given: unknown[]) => (aside === undefined ? original(...given) : aside.swallow('end', given))
 */
export class Aside {
  /** Where the handler's fields lie. */
  readonly fields: ServerResponse
  headSent = false
  /** The answer has left, and the handler sees its own response. Before that it is what layers outside wait with. */
  isInstalled = false
  readonly #response: ServerResponse
  readonly #outer: ReadonlySet<unknown>
  readonly #onDestroy: (error: unknown) => void
  readonly #emit: ServerResponse['emit']
  readonly #overrides: PropertyDescriptorMap
  /** What stood in the place of what is put over the response. */
  #real: Record<string, PropertyDescriptor | undefined> = {}
  #state: 'open' | 'ended' | 'finished' | 'closed' = 'open'

  constructor(response: ServerResponse, outer: ReadonlySet<unknown>, onDestroy: (error: unknown) => void) {
    this.#response = response
    this.#outer = outer
    this.#onDestroy = onDestroy
    this.#emit = response.emit
    this.fields = new HttpResponse(response.req)
    for (const [name, value] of Object.entries(response.getHeaders()))
      if (value !== undefined) this.fields.setHeader(name, value)
    this.#overrides = this.#describe()
  }

  /** Until the answer has left: what the handler sets is its own, and Node sees the state of what it is to send. */
  setApart(): void {
    this.#put(fieldMethods)
  }

  /** From now on the handler sees its own response. */
  install(): void {
    this.isInstalled = true
    this.#putBack()
    this.#put(Object.keys(this.#overrides))
  }

  #put(names: readonly string[]): void {
    for (const name of names) {
      const override = this.#overrides[name]
      if (override === undefined) continue
      this.#real[name] = Object.getOwnPropertyDescriptor(this.#response, name)
      Object.defineProperty(this.#response, name, { ...override, configurable: true })
    }
  }

  #putBack(): void {
    for (const [name, real] of Object.entries(this.#real)) {
      Reflect.deleteProperty(this.#response, name)
      if (real !== undefined) Object.defineProperty(this.#response, name, real)
    }
    this.#real = {}
  }

  /** Nothing more leaves; but what Node refuses, it refuses. */
  refuse(method: keyof Methods, given: readonly unknown[]): unknown {
    return Reflect.apply(this.fields[method] as Listener, this.fields, given)
  }

  /** For who calls the methods of the response further out: they have done what they can. */
  swallow(method: keyof Methods, given: readonly unknown[]): unknown {
    this.headSent = true
    const result = swallowed(pieceOf(given), method === 'write' ? true : this.#response)
    if (method === 'end') this.end()
    return result
  }

  /** The handler has ended its response: whoever inside waits for that is told. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    process.nextTick(() => {
      this.#state = 'finished'
      this.#tellInside('finish')
      this.#close()
    })
  }

  /** Nobody wants it any more: what the handler's side has attached to its response is let go, as with a client. */
  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    process.nextTick(() => this.#close())
  }

  #describe(): PropertyDescriptorMap {
    const { statusCode } = this.#response
    const own = { statusCode, statusMessage: undefined as string | undefined }
    const state = (get: () => unknown): PropertyDescriptor => ({ get, set: () => undefined })
    const fields = this.fields as unknown as Record<string, unknown>
    const methods = fieldMethods
      .filter((name) => typeof fields[name] === 'function')
      .map((name) => [name, { value: (fields[name] as Listener).bind(fields), writable: true }] as const)
    const value = (name: keyof typeof own): PropertyDescriptor => ({
      get: () => own[name],
      set: (given: never) => {
        own[name] = given
      },
    })
    return {
      ...Object.fromEntries(methods),
      statusCode: value('statusCode'),
      ...(this.#response.req.httpVersionMajor < 2 ? { statusMessage: value('statusMessage') } : {}),
      headersSent: state(() => this.headSent),
      _header: state(() => (this.headSent ? 'sent' : null)),
      finished: state(() => this.#state !== 'open'),
      writableEnded: state(() => this.#state !== 'open'),
      writableFinished: state(() => this.#state === 'finished' || this.#state === 'closed'),
      writableNeedDrain: state(() => false),
      destroyed: state(() => this.#state === 'closed'),
      closed: state(() => this.#state === 'closed'),
      _closed: state(() => this.#state === 'closed'),
      destroy: { value: (error?: unknown) => this.#destroy(error) },
      emit: { value: (event: string | symbol, ...given: unknown[]) => this.#emitted(event, given) },
    }
  }

  /** What really happens to the response is for the layers outside alone. */
  #emitted(event: string | symbol, given: unknown[]): boolean {
    if (event !== 'finish' && event !== 'close') return this.#emit.call(this.#response, event, ...given)
    this.#asSent(() => {
      for (const listener of this.#response.rawListeners(event))
        if (this.#outer.has(listener)) listener.apply(this.#response, given)
    })
    if (event === 'close') this.#unplug()
    return true
  }

  #tellInside(event: 'finish' | 'close'): void {
    for (const listener of this.#response.rawListeners(event))
      if (!this.#outer.has(listener)) listener.call(this.#response)
  }

  /** An access log tells of what the client got. */
  #asSent(act: () => void): void {
    this.#putBack()
    try {
      act()
    } finally {
      this.install()
    }
  }

  /** The connection may be serving another request by now: what the handler's side destroys must not be that. */
  #unplug(): void {
    const { req } = this.#response
    const nowhere = createNowhere()
    nowhere.once('close', () => this.#destroy(undefined))
    for (const owner of [req, this.#response])
      Object.defineProperty(owner, 'socket', { value: nowhere, configurable: true, writable: true })
  }

  #destroy(error: unknown): ServerResponse {
    if (this.#state === 'open') {
      this.#onDestroy(error)
      this.close()
    }
    return this.#response
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#tellInside('close')
  }
}
