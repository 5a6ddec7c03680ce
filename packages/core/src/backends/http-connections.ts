import type {
  Agent,
  ClientRequest,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestOptions,
  request,
} from 'node:http'
import { randomBytes } from '../builtin.ts'
import { Failure, failureOf } from './http-failure.ts'
import type { HttpApiSettings } from './http-options.ts'
import { markField, paths } from './http-protocol.ts'
import { HttpSilence } from './http-silence.ts'

export interface HttpCall {
  /** Of the backend: named in errors. */
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: string
}

interface Transport {
  readonly agent: Agent
  /** Of connections that are each for one call. */
  readonly fresh: Agent
  readonly send: typeof request
}

/** Loaded where it is used: TLS, and from Node 22 on what node:http exports, are a good part of what a start takes. */
const openTransport = ({ url, maxConnections }: HttpApiSettings): Transport => {
  const options = { keepAlive: true, maxSockets: maxConnections, maxTotalSockets: maxConnections }
  const { Agent, request } = process.getBuiltinModule(url.protocol === 'http:' ? 'node:http' : 'node:https')
  return { agent: new Agent(options), fresh: new Agent({ keepAlive: false, maxSockets: 20 }), send: request }
}

/** Above this the server may rightly be silent while the body is still on its way. */
const longestQuickBody = 64 * 1024
const quick: ReadonlySet<string> = new Set([
  ...(['get', 'getWithTtl', 'has', 'getMany', 'set', 'delete'] as const),
  ...(['tags.head', 'tags.read', 'tags.bump'] as const),
])

export interface OpenOptions {
  /** The whole of the answer has to be there by then, except where its end is not waited for. */
  readonly ms: number
  /** A second attempt is left to be as slow as it is. */
  readonly watched: boolean
}

/** Connections to one server, kept between calls, and cut where none of them answers though the server does. */
export class HttpConnections {
  readonly #settings: HttpApiSettings
  readonly #silence: HttpSilence
  #transport: Transport | undefined
  readonly #process = randomBytes(6).toString('base64url')
  #marks = 0
  #closed = false

  constructor(settings: HttpApiSettings) {
    this.#settings = settings
    this.#silence = new HttpSilence({
      probe: async (ms) => {
        const call: HttpCall = { operation: 'health', method: 'GET', path: paths.health }
        const response = await this.open(call, { ms, watched: false })
        response.destroy()
      },
      cut: () => this.#transport?.agent.destroy(),
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  close(): void {
    this.#closed = true
    this.#silence.close()
    this.#transport?.agent.destroy()
    this.#transport?.fresh.destroy()
  }

  /** More of an answer has come. */
  heard(): void {
    this.#silence.heard()
  }

  /** The head of an answer of the protocol; what it may be otherwise is thrown. */
  async open(call: HttpCall, options: OpenOptions): Promise<IncomingMessage> {
    this.#marks += 1
    const mark = `${this.#process}${this.#marks.toString(36)}`
    const began = performance.now()
    const response = await this.#send(call, options, mark)
    const failure = failureOf(response.statusCode ?? 0) ?? this.#foreign(response, mark)
    if (failure !== undefined) {
      response.destroy()
      throw failure
    }
    if (call.operation === 'health') this.#silence.reached(began)
    return response
  }

  /** Whatever answers a call repeats its mark: else it is another server, or the answer to another call. */
  #foreign({ headers, statusCode }: IncomingMessage, mark: string): Failure | undefined {
    const found = headers[markField]
    if (found === mark) return undefined
    if (found === undefined)
      return new Failure(`no answer of cacheServer() (${statusCode}): is baseUrl right?`, 'never')
    // Nothing that comes over these connections can be trusted any more.
    this.#transport?.agent.destroy()
    return new Failure('the answer belongs to another call', 'later')
  }

  #headersOf(call: HttpCall, mark: string): OutgoingHttpHeaders {
    const { authToken } = this.#settings
    const headers: OutgoingHttpHeaders = {
      'accept-encoding': 'identity',
      accept: 'application/json',
      [markField]: mark,
    }
    if (authToken !== undefined) headers.authorization = `Bearer ${authToken}`
    if (call.body === undefined) return headers
    const length = Buffer.byteLength(call.body)
    return { ...headers, 'content-type': 'application/json', 'content-length': length }
  }

  #targetOf(call: HttpCall): RequestOptions {
    const { prefix, url } = this.#settings
    const { protocol, hostname, port } = url
    return { protocol, hostname: bare(hostname), port, path: prefix + call.path, method: call.method }
  }

  #send(call: HttpCall, { ms, watched }: OpenOptions, mark: string): Promise<IncomingMessage> {
    this.#transport ??= openTransport(this.#settings)
    const { agent, fresh, send } = this.#transport
    if (this.#closed) throw new Failure('closed', 'never')
    // Whether the server can be reached does not depend on connections that may be dead.
    const over = call.operation === 'health' ? fresh : agent
    const request = send({ ...this.#targetOf(call), headers: this.#headersOf(call, mark), agent: over })
    const cut = (): unknown => request.destroy(new Failure('the connection fell silent', 'at once'))
    const isQuick = quick.has(call.operation) && (call.body?.length ?? 0) <= longestQuickBody
    const heard = watched && isQuick ? this.#silence.wait(cut) : undefined
    const late = new Failure(`no answer within ${Math.round(ms)} ms`, 'later', { late: true })
    const timer = setTimeout(() => request.destroy(late), ms)
    const answer = answerTo(request, {
      began: () => {
        if (over === agent) this.#silence.heard()
        heard?.()
        if (call.operation === 'keys') clearTimeout(timer)
      },
      ended: () => {
        clearTimeout(timer)
        heard?.()
      },
    })
    request.end(call.body)
    return answer
  }
}

interface Told {
  /** There is a head. */
  readonly began: () => void
  /** Nothing more will come; called once or twice. */
  readonly ended: () => void
}

/** The head of the answer to a request. */
const answerTo = (request: ClientRequest, { began, ended }: Told): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request.on('close', () => {
      ended()
      // After an upgrade, say, there is neither an answer nor an error.
      reject(new Failure('the connection ended without an answer', 'later'))
    })
    request.on('error', (error) => {
      ended()
      const stale = request.reusedSocket && 'code' in error && staleCodes.has(error.code)
      if (error instanceof Failure) reject(error)
      else reject(new Failure('the connection broke', stale ? 'at once' : 'later', { cause: error }))
    })
    request.on('response', (response) => {
      began()
      const encoding = response.headers['content-encoding'] ?? 'identity'
      if (encoding.toLowerCase() === 'identity') resolve(response)
      else request.destroy(new Failure('the answer is compressed, which was not asked for', 'never'))
    })
  })

/** What a connection that the server has closed meanwhile comes to. */
const staleCodes: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE'])

/** As a socket wants it: an IPv6 address without its brackets. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')
