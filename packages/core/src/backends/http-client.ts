import type { IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { type HttpCall, HttpConnections, type OpenOptions } from './http-connections.ts'
import { errorOf, Failure } from './http-failure.ts'
import type { HttpApiSettings } from './http-options.ts'
import { messageLimit } from './http-protocol.ts'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

const firstPauseMs = 500
/** What may be under way and wait for a connection together, in number and in bytes to be sent. */
const mostCalls = 5000
const mostBytes = 64 * 1024 ** 2

/** Calls to one server: each with a deadline, over connections that are kept. */
export class HttpClient {
  readonly #settings: HttpApiSettings
  readonly #connections: HttpConnections
  #calls = 0
  #bytes = 0

  constructor(settings: HttpApiSettings) {
    this.#settings = settings
    this.#connections = new HttpConnections(settings)
  }

  /** The answer, of which 404 for a key that is not there is one; anything else that is no success is thrown. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const bytes = call.body?.length ?? 0
    this.#calls += 1
    this.#bytes += bytes
    try {
      if (this.#calls > mostCalls || (this.#calls > 1 && this.#bytes > mostBytes))
        throw new Failure('too many calls are under way already', 'never')
      return await this.#attempts(call)
    } catch (cause) {
      throw errorOf(call.operation, cause)
    } finally {
      this.#calls -= 1
      this.#bytes -= bytes
    }
  }

  /** The body as it comes, in lines; for what has no bound. Not repeated once it has begun. */
  async *lines(call: HttpCall): AsyncGenerator<string> {
    const longest = messageLimit(this.#settings.maxValueBytes)
    let rest = ''
    try {
      const response = await this.#connections.open(call, { ms: this.#settings.timeoutMs, watched: false })
      response.setTimeout(this.#settings.timeoutMs, () =>
        response.destroy(new Error('the server fell silent')),
      )
      for await (const chunk of response.setEncoding('utf8')) {
        this.#connections.heard()
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > longest) throw new Failure('a line is too long', 'never')
        yield* lines
      }
    } catch (cause) {
      throw errorOf(call.operation, cause)
    }
  }

  close(): void {
    this.#connections.close()
  }

  async #attempts(call: HttpCall): Promise<HttpAnswer> {
    const { timeoutMs, maxRetries } = this.#settings
    const end = performance.now() + timeoutMs
    let attempt = 0
    for (let tries = 0; ; tries++) {
      const left = end - performance.now()
      const last = attempt >= maxRetries
      const result = await this.#attempt(call, { ms: last ? left : left / 2, watched: tries === 0 })
      if (!(result instanceof Failure)) return result
      // A connection that the server had closed meanwhile says nothing of the server.
      if (result.retry === 'at once' && tries <= maxRetries && performance.now() < end) continue
      const ms = Math.random() * firstPauseMs * 2 ** attempt
      if (result.retry === 'never' || last || this.#connections.isClosed || performance.now() + ms >= end)
        throw result
      await pause(ms)
      attempt++
    }
  }

  async #attempt(call: HttpCall, options: OpenOptions): Promise<HttpAnswer | Failure> {
    try {
      const response = await this.#connections.open(call, options)
      return { status: response.statusCode ?? 0, body: await this.#collect(response) }
    } catch (error) {
      return error instanceof Failure ? error : new Failure('the connection broke', 'later', { cause: error })
    }
  }

  async #collect(response: IncomingMessage): Promise<string> {
    const most = messageLimit(this.#settings.maxValueBytes)
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      this.#connections.heard()
      bytes += chunk.length
      // Leaving the loop destroys the response.
      if (bytes > most) throw new Failure(`the answer is larger than ${most} bytes`, 'never')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }
}
