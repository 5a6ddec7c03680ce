import type { Agent, IncomingMessage, OutgoingHttpHeaders, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { CacheBackendError } from '../errors.ts'
import type { HttpApiSettings } from './http-options.ts'
import { messageLimit } from './http-protocol.ts'

export interface HttpCall {
  /** Of the backend: named in errors. */
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** Why an attempt came to nothing, and whether another one may do better. */
class Failure extends Error {
  readonly retry: 'at once' | 'later' | 'never'
  readonly late: boolean

  constructor(
    message: string,
    retry: Failure['retry'],
    { cause, late = false }: { cause?: unknown; late?: boolean } = {},
  ) {
    super(message, { cause })
    this.retry = retry
    this.late = late
  }
}

const firstPauseMs = 500
/** What may be under way and wait for a connection together, in number and in bytes to be sent. */
const mostCalls = 5000
const mostBytes = 64 * 1024 ** 2

const isRefused = (status: number): boolean => status === 401 || status === 403

const failureOf = (status: number): Failure | undefined => {
  if (status < 300 || status === 404) return undefined
  if (isRefused(status)) return new Failure(`the server refuses the token (${status})`, 'never')
  if (status < 400) return new Failure(`the server redirects (${status}), which is not followed`, 'never')
  // 501 says that the store behind the server cannot do this at all.
  const passes = status === 429 || (status >= 500 && status !== 501)
  return new Failure(`the server answered ${status}`, passes ? 'later' : 'never')
}

interface Transport {
  readonly agent: Agent
  readonly send: typeof request
}

/** Loaded where it is used: TLS, and from Node 22 on what node:http exports, are a good part of what a start takes. */
const openTransport = ({ url, maxConnections }: HttpApiSettings): Transport => {
  const options = { keepAlive: true, maxSockets: maxConnections, maxTotalSockets: maxConnections }
  const { Agent, request } = process.getBuiltinModule(url.protocol === 'http:' ? 'node:http' : 'node:https')
  return { agent: new Agent(options), send: request }
}

/** Calls to one server: each with a deadline, over connections that are kept. */
export class HttpClient {
  readonly #settings: HttpApiSettings
  #transport: Transport | undefined
  #calls = 0
  #bytes = 0
  #closed = false

  constructor(settings: HttpApiSettings) {
    this.#settings = settings
  }

  /** The answer, of which 404 is one; anything else that is no success is thrown. */
  async call(call: HttpCall): Promise<HttpAnswer> {
    const bytes = call.body?.length ?? 0
    this.#calls += 1
    this.#bytes += bytes
    try {
      if (this.#calls > mostCalls || (this.#calls > 1 && this.#bytes > mostBytes))
        throw new Failure('too many calls are under way already', 'never')
      return await this.#attempts(call)
    } catch (cause) {
      throw this.#errorOf(call.operation, cause)
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
      const response = await this.#open(call, this.#settings.timeoutMs)
      const failure = failureOf(response.statusCode ?? 0)
      if (failure !== undefined || response.statusCode === 404) {
        response.destroy()
        throw failure ?? new Failure('the server answered 404', 'never')
      }
      response.setTimeout(this.#settings.timeoutMs, () =>
        response.destroy(new Error('the server fell silent')),
      )
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + String(chunk)).split('\n')
        rest = lines.pop() ?? ''
        if (rest.length > longest) throw new Failure('a line is too long', 'never')
        yield* lines
      }
    } catch (cause) {
      throw this.#errorOf(call.operation, cause)
    }
  }

  close(): void {
    this.#closed = true
    this.#transport?.agent.destroy()
  }

  async #attempts(call: HttpCall): Promise<HttpAnswer> {
    const { timeoutMs, maxRetries } = this.#settings
    const end = performance.now() + timeoutMs
    let attempt = 0
    for (let tries = 0; ; tries++) {
      const left = end - performance.now()
      const last = attempt >= maxRetries
      const result = await this.#attempt(call, last ? left : left / 2)
      if (!(result instanceof Failure)) return result
      // A connection that the server had closed meanwhile says nothing of the server.
      if (result.retry === 'at once' && tries <= maxRetries && performance.now() < end) continue
      const ms = Math.random() * firstPauseMs * 2 ** attempt
      if (result.retry === 'never' || last || this.#closed || performance.now() + ms >= end) throw result
      await pause(ms)
      attempt++
    }
  }

  async #attempt(call: HttpCall, ms: number): Promise<HttpAnswer | Failure> {
    try {
      const response = await this.#open(call, ms)
      const failure = failureOf(response.statusCode ?? 0)
      if (failure !== undefined) {
        response.destroy()
        return failure
      }
      return { status: response.statusCode ?? 0, body: await this.#collect(response) }
    } catch (error) {
      return error instanceof Failure ? error : new Failure('the connection broke', 'later', { cause: error })
    }
  }

  /** The head of the answer; the whole of it has to be there within `ms`, except where its end is not waited for. */
  async #open(call: HttpCall, ms: number): Promise<IncomingMessage> {
    const { url, prefix, authToken } = this.#settings
    this.#transport ??= openTransport(this.#settings)
    const { agent, send } = this.#transport
    if (this.#closed) throw new Failure('closed', 'never')
    return new Promise((resolve, reject) => {
      const headers: OutgoingHttpHeaders = { 'accept-encoding': 'identity', accept: 'application/json' }
      if (authToken !== undefined) headers.authorization = `Bearer ${authToken}`
      if (call.body !== undefined) {
        headers['content-type'] = 'application/json'
        headers['content-length'] = Buffer.byteLength(call.body)
      }
      const path = prefix + call.path
      const { protocol, hostname, port } = url
      const options = {
        protocol,
        hostname: bare(hostname),
        port,
        path,
        method: call.method,
        headers,
        agent,
      }
      const request = send(options)
      const timer = setTimeout(
        () => request.destroy(new Failure(`no answer within ${Math.round(ms)} ms`, 'later', { late: true })),
        ms,
      )
      request.on('close', () => clearTimeout(timer))
      request.on('error', (error) => {
        clearTimeout(timer)
        const stale = request.reusedSocket && 'code' in error && error.code === 'ECONNRESET'
        if (error instanceof Failure) reject(error)
        else reject(new Failure('the connection broke', stale ? 'at once' : 'later', { cause: error }))
      })
      request.on('response', (response) => {
        if (call.operation === 'keys') clearTimeout(timer)
        const encoding = response.headers['content-encoding'] ?? 'identity'
        if (encoding.toLowerCase() === 'identity') resolve(response)
        else request.destroy(new Failure('the answer is compressed, which was not asked for', 'never'))
      })
      request.end(call.body)
    })
  }

  async #collect(response: IncomingMessage): Promise<string> {
    const most = messageLimit(this.#settings.maxValueBytes)
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      // Leaving the loop destroys the response.
      if (bytes > most) throw new Failure(`the answer is larger than ${most} bytes`, 'never')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks).toString()
  }

  #errorOf(operation: string, cause: unknown): CacheBackendError {
    const about = { backend: 'http', operation, cause }
    if (!(cause instanceof Failure)) return new CacheBackendError('CONNECTION_ERROR', about)
    if (cause.late) return new CacheBackendError('TIMEOUT_ERROR', about)
    const broke = cause.retry !== 'never' && cause.cause !== undefined
    return new CacheBackendError(broke ? 'CONNECTION_ERROR' : 'BACKEND_ERROR', about)
  }
}

/** As a socket wants it: an IPv6 address without its brackets. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')
