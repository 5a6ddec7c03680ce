import type { ServerResponse } from 'node:http'
import type { FieldEdits, FieldMap, ForwardedHead } from '@stowage/core'
import { hasLeft, headOf } from './head.ts'
import { applyEdits, fieldsOf, type ResponseFields, takeBackEdits, takeVary } from './headers.ts'
import { clearHandlerFields, type OuterHead } from './send.ts'
import { trailersOf } from './trailers.ts'

/** The head that a handler's side makes, over what stood there in front of the cache. */
export class HandlerHead {
  readonly #response: ServerResponse
  /** Node's response, or where a framework keeps the fields until it sends them. */
  #fields: ResponseFields
  #outer: OuterHead = { fields: {}, trailers: undefined }
  #ownVary: ReturnType<ResponseFields['getHeader']>
  /** As the handler's side left it. */
  #before: FieldMap = {}
  #status = 0

  constructor(response: ServerResponse, fields: ResponseFields) {
    this.#response = response
    this.#fields = fields
    this.begin()
  }

  /** What stands there now does so in front of the handler. */
  begin(): void {
    const response = this.#response
    const fields = this.#fields
    if (response.headersSent) return
    this.#ownVary = fields === response ? undefined : response.getHeader('vary')
    const vary = takeVary(fields)
    const outer = { ...fieldsOf(fields), ...(vary === undefined ? {} : { vary }) }
    this.#outer = { fields: outer, trailers: trailersOf(response) }
  }

  get outer(): OuterHead {
    return this.#outer
  }

  /** Whether the status is another than the one that was judged. */
  get hasOtherStatus(): boolean {
    return this.#response.statusCode !== this.#status
  }

  /** Where it was kept elsewhere, the handler has written to Node's response itself: only what stands there is sent. */
  leaveFramework(): boolean {
    const response = this.#response
    if (this.#fields === response) return false
    this.#fields = response
    if (!response.headersSent && this.#ownVary !== undefined) response.setHeader('vary', this.#ownVary)
    this.#outer = { ...this.#outer, fields: {} }
    return true
  }

  read(known: Pick<ForwardedHead, 'body' | 'route'>): ForwardedHead {
    const head = headOf(this.#response, this.#fields)
    this.#before = head.headers
    this.#status = head.status
    return { outer: this.#outer.fields, ...known, ...head }
  }

  edit(edits: FieldEdits): void {
    applyEdits(this.#fields, edits, this.#outer.fields.vary)
  }

  /** What the handler had set goes; what stood there before it stays. */
  clear(): void {
    clearHandlerFields(this.#response, this.#outer, this.#fields)
  }

  takeBack(edits: FieldEdits): void {
    // What has left by way of Node's response can no more be changed.
    if (this.#response.headersSent) return
    takeBackEdits(this.#fields, edits, this.#before)
  }

  /** Whether a cookie has come onto it since it was read, or may still come because it has not left. */
  mayHaveGainedCookie(): boolean {
    const cookies = this.#fields.getHeader('set-cookie')
    const isOther = cookies !== undefined && String(cookies) !== String(this.#before['set-cookie'])
    return !hasLeft(this.#response) || isOther
  }
}
