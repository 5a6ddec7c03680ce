import {
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as send,
} from 'node:http'
import { Readable } from 'node:stream'

/**
 * What to ask for. Beside the fields given, only `Host` and `Connection` are sent, and the length of a body that is
 * no stream.
 *
 * @example
 * const options: RequestOptions = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello' }
 */
export interface RequestOptions {
  /** Default GET. */
  readonly method?: string
  /** A list is sent as several lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** A stream is sent chunked, as it comes. */
  readonly body?: string | Buffer | Readable
  /** Ends the connection, whatever is under way. */
  readonly signal?: AbortSignal
  /** Default: a connection of its own for each request. */
  readonly agent?: Agent
}

/**
 * A complete response.
 *
 * @example
 * const { status, headers, text }: TestResponse = await request(url)
 */
export interface TestResponse {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turns, as they came. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** The body as UTF-8. */
  readonly text: string
  readonly trailers: NodeJS.Dict<string>
}

/**
 * A response whose head has come.
 *
 * @example
 * const started: StartedResponse = await open(url)
 * const first = await started.read()
 * started.destroy()
 */
export interface StartedResponse extends Pick<TestResponse, 'status' | 'reason' | 'headers' | 'rawHeaders'> {
  /** The next piece of the body, null at its end. Rejects where the response is cut off. */
  read(): Promise<Buffer | null>
  /** The whole response, its body from where reading has got to. Rejects where the response is cut off. */
  finish(): Promise<TestResponse>
  /** Ends the connection. */
  destroy(): void
}

interface Target {
  readonly origin: URL
  /** As given: a URL object would resolve its dots and encode it. */
  readonly path: string
}

const targetOf = (url: string): Target => {
  const at = url.indexOf('/', url.indexOf('://') + 3)
  return at < 0
    ? { origin: new URL(url), path: '/' }
    : { origin: new URL(url.slice(0, at)), path: url.slice(at) }
}

const framing = ({ body, headers }: RequestOptions): Readonly<Record<string, string>> => {
  const known = new Set(Object.keys(headers ?? {}).map((name) => name.toLowerCase()))
  if (body === undefined || known.has('content-length') || known.has('transfer-encoding')) return {}
  if (body instanceof Readable) return { 'transfer-encoding': 'chunked' }
  return { 'content-length': String(Buffer.byteLength(body)) }
}

const start = (message: IncomingMessage): StartedResponse => {
  const pieces = message[Symbol.asyncIterator]()
  const head = {
    status: message.statusCode ?? 0,
    reason: message.statusMessage ?? '',
    headers: message.headers,
    rawHeaders: message.rawHeaders,
  }
  const read = async (): Promise<Buffer | null> => {
    const { done, value } = await pieces.next()
    return done === true ? null : (value as Buffer)
  }
  const finish = async (): Promise<TestResponse> => {
    const chunks: Buffer[] = []
    for (let chunk = await read(); chunk !== null; chunk = await read()) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    return { ...head, body, text: body.toString('utf8'), trailers: message.trailers }
  }
  return { ...head, read, finish, destroy: () => void message.destroy() }
}

/**
 * Sends a request as it stands, and resolves when the head of the response has come.
 *
 * @example
 * const events = await open(`${url}/events`)
 * String(await events.read())   // 'data: 1\n\n'
 * events.destroy()
 */
export const open = (url: string, options: RequestOptions = {}): Promise<StartedResponse> =>
  new Promise((resolve, reject) => {
    const { origin, path } = targetOf(url)
    const { method = 'GET', headers = {}, body, signal, agent } = options
    const lines: OutgoingHttpHeaders = { ...framing(options) }
    for (const [name, value] of Object.entries(headers))
      lines[name] = typeof value === 'string' ? value : [...value]
    const outgoing = send({
      host: origin.hostname,
      port: origin.port,
      path,
      method,
      headers: lines,
      agent: agent ?? false,
      ...(signal === undefined ? {} : { signal }),
    })
    outgoing.on('response', (message) => resolve(start(message)))
    // After the head a failure shows where the body is read.
    outgoing.on('error', reject)
    if (body instanceof Readable) body.pipe(outgoing)
    else outgoing.end(body)
  })

/**
 * Sends a request as it stands, and resolves when the response is complete. Rejects where it is cut off.
 *
 * @example
 * const { status, text } = await request(`${url}/items`, { headers: { accept: 'text/html' } })
 */
export const request = async (url: string, options: RequestOptions = {}): Promise<TestResponse> =>
  (await open(url, options)).finish()
