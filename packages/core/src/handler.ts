import { type Duration, parseDuration } from './durations.ts'
import { showValue } from './errors.ts'
import type { FieldMap } from './message.ts'
import { fieldValue, isToken } from './semantics/fields.ts'

/**
 * What a handler can say about the response it is making: `req.cache` in Express. Calls count until the response's
 * head has left, `tag` and `skip` until its end. Outside a cached route the calls do nothing.
 *
 * @example
 * app.get('/items/:id', cache.route({ ttl: '5m' }), async (req, res) => {
 *   req.cache?.tag(`item:${req.params.id}`).ttl('2m')
 *   res.json(await load(req.params.id))
 * })
 */
export interface HandlerCache {
  /** Why the handler runs. `bypass`: its response will not be stored. */
  readonly status: 'miss' | 'revalidate' | 'refresh' | 'bypass'
  /** Validators of the stale response that would be reused after `notModified()`. */
  readonly stale: { readonly etag?: string; readonly lastModified?: Date } | undefined
  /** Aborts when the handler has run over its `hardTimeout`, or when a background revalidation is given up. */
  readonly signal: AbortSignal
  /**
   * Freshness of this response, above what its header fields say; false: do not store it. Seconds or a string; Infinity
   * until it is invalidated. Throws a `TypeError` for what is no duration.
   */
  ttl(duration: Duration | false): this
  /** Names to invalidate this response by. */
  tag(...tags: string[]): this
  /** Request fields that this response depends on, as if they stood in `Vary`. */
  vary(...headers: string[]): this
  /** The stored response still holds: it is freshened and sent (RFC 9111 §4.3.4). Throws where `stale` is undefined. */
  notModified(): void
  /** Do not store this response. */
  skip(reason?: string): void
}

/** What a handler has said so far. */
export interface Remarks {
  ttl: number | false | undefined
  readonly tags: Set<string>
  readonly vary: string[]
  skipped: string | undefined
}

export const noRemarks = (): Remarks => ({ ttl: undefined, tags: new Set(), vary: [], skipped: undefined })

/** What a handler may compare with what it would answer. */
export const validatorsOf = (headers: FieldMap): NonNullable<HandlerCache['stale']> => {
  const etag = fieldValue(headers, 'etag')
  const lastModified = fieldValue(headers, 'last-modified')
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified: new Date(lastModified) }),
  }
}

/** What the handler context reads from its forwarded request, and how it ends one. */
export interface HandlerSource {
  readonly status: HandlerCache['status']
  readonly stale: HandlerCache['stale']
  readonly signal: AbortSignal
  readonly remarks: Remarks
  sendNotModified(): void
}

/** The handler context of one forwarded request. */
export class HandlerContext implements HandlerCache {
  readonly #source: HandlerSource

  constructor(source: HandlerSource) {
    this.#source = source
  }

  get status(): HandlerCache['status'] {
    return this.#source.status
  }

  get stale(): HandlerCache['stale'] {
    return this.#source.stale
  }

  get signal(): AbortSignal {
    return this.#source.signal
  }

  ttl(duration: Duration | false): this {
    const ms = duration === false ? false : parseDuration(duration)
    if (ms === undefined)
      throw new TypeError(
        `req.cache.ttl(${showValue(duration)}): use seconds, a string such as "5m", or false`,
      )
    this.#source.remarks.ttl = ms
    return this
  }

  tag(...tags: string[]): this {
    for (const tag of tags) this.#source.remarks.tags.add(String(tag))
    return this
  }

  vary(...headers: string[]): this {
    for (const header of headers) {
      // What is no field name cannot be told to others, so that nobody may share the response.
      if (isToken(String(header))) this.#source.remarks.vary.push(String(header).toLowerCase())
      else this.#source.remarks.skipped = 'vary'
    }
    return this
  }

  notModified(): void {
    if (this.stale === undefined)
      throw new Error('req.cache.notModified(): there is no stored response; check req.cache.stale')
    this.#source.sendNotModified()
  }

  skip(reason = 'skip'): void {
    this.#source.remarks.skipped = reason
  }
}
