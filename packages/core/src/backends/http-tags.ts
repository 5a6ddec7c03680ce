import type { TagState } from '../backend.ts'
import { CacheBackendError } from '../errors.ts'
import { unintelligible } from './http-answers.ts'
import type { HttpCall } from './http-connections.ts'
import { isText, paths } from './http-protocol.ts'
import { SharedCalls } from './shared-calls.ts'
import { allInvalid, isCount, overlapMs } from './tag-lives.ts'

type Ask = (call: HttpCall) => Promise<Readonly<Record<string, unknown>>>

/** The invalidation state of the store behind the server. */
export class HttpTags implements TagState {
  readonly #ask: Ask
  readonly #shared = new SharedCalls()
  #last: { readonly epoch: string; readonly seq: number } | undefined
  #unsureUntil = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(ask: Ask) {
    this.#ask = ask
  }

  async head(): Promise<{ readonly epoch: string; readonly seq: number }> {
    // Nothing is stored or found any more, so that nothing can be stamped with it.
    if (this.#closed) return this.#last ?? { epoch: 'closed', seq: 0 }
    const call: HttpCall = { operation: 'tags.head', method: 'GET', path: paths.tags }
    const { epoch, seq } = await this.#shared.ask('head', () => this.#send(call))
    if (!isText(epoch) || epoch === '' || !isCount(seq)) throw unintelligible('tags.head')
    this.#note(epoch)
    this.#last = { epoch, seq }
    return { epoch, seq }
  }

  async read(tags: readonly string[], compared?: string): Promise<readonly number[]> {
    if (this.#closed) return allInvalid(tags)
    const body = JSON.stringify({ tags, epoch: compared })
    const call: HttpCall = { operation: 'tags.read', method: 'POST', path: paths.readTags, body }
    const { epoch, counts } = await this.#shared.ask(body, () => this.#send(call))
    const isComplete = Array.isArray(counts) && counts.length === tags.length && counts.every(isCount)
    if (!isText(epoch) || !isComplete) throw unintelligible('tags.read')
    this.#note(epoch)
    // Whoever asks may hold the head of a life that is over, and its counts were higher.
    const isOver = compared === undefined ? performance.now() < this.#unsureUntil : compared !== epoch
    return isOver ? allInvalid(tags) : counts
  }

  async bump(tags: readonly string[]): Promise<number> {
    const body = JSON.stringify({ tags })
    const { seq } = await this.#send({ operation: 'tags.bump', method: 'POST', path: paths.bumpTags, body })
    if (!isCount(seq)) throw unintelligible('tags.bump')
    return seq
  }

  close(): void {
    this.#closed = true
  }

  #note(epoch: string): void {
    const known = this.#last?.epoch
    if (known !== undefined && known !== epoch) this.#unsureUntil = performance.now() + overlapMs
    this.#last = { epoch, seq: 0 }
  }

  async #send(call: HttpCall): Promise<Readonly<Record<string, unknown>>> {
    if (this.#closed)
      throw new CacheBackendError('BACKEND_ERROR', {
        backend: 'http',
        operation: call.operation,
        cause: new Error('closed'),
      })
    return this.#ask(call)
  }
}
