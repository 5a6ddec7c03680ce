import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { expect } from 'vitest'

/** A response as it came from the socket. */
export interface Answer {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  /** Every field line, names in lower case, in the order received. */
  readonly lines: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  readonly text: string
  readonly trailers: NodeJS.Dict<string>
  /** Cache-Status; empty where there is none. */
  readonly cache: string
}

export interface Asking {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  readonly agent?: http.Agent
  readonly tls?: boolean
}

const linesOf = (raw: readonly string[]): [string, string][] => {
  const lines: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2)
    lines.push([String(raw[at]).toLowerCase(), String(raw[at + 1])])
  return lines
}

/** Reads a response to its end. */
export const readAnswer = (response: http.IncomingMessage): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const body = Buffer.concat(chunks)
      resolve({
        status: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        headers: response.headers,
        lines: linesOf(response.rawHeaders),
        body,
        text: body.toString('utf8'),
        trailers: response.trailers,
        cache: String(response.headers['cache-status'] ?? ''),
      })
    })
  })

/** A request whose answer is left to the caller. */
export const open = (port: number, path: string, asking: Asking = {}): http.ClientRequest => {
  const { method = 'GET', headers = {}, agent, tls = false } = asking
  const options = { port, host: '127.0.0.1', path, method, headers, agent: agent ?? false }
  return tls
    ? https.request({ ...options, agent: false, rejectUnauthorized: false })
    : http.request(options as http.RequestOptions)
}

export const ask = (port: number, path: string, asking: Asking = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = open(port, path, asking)
    request.on('response', (response) => readAnswer(response).then(resolve, reject))
    request.on('error', reject)
    request.end(asking.body)
  })

/** Writes raw bytes and collects what comes back until `done` says enough, or the other side closes. */
export const speak = (port: number, bytes: string, done: (received: string) => boolean): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      received += chunk
      if (!done(received)) return
      resolve(received)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
    socket.write(bytes)
  })

/** What belongs to one exchange or one connection. */
const perExchange = new Set([
  'date',
  'age',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'cache-status',
])

const comparable = (answer: Answer, alsoWithout: readonly string[]): string[] =>
  answer.lines
    .filter(([name]) => !perExchange.has(name) && !alsoWithout.includes(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()

/** Asserts that the cache has changed nothing of a response but what says that there is a cache. */
export const expectSame = (
  actual: Answer,
  without: Answer,
  alsoWithout: readonly string[] = [],
  what = '',
): void => {
  // A hit has its length, also where the handler had streamed.
  const unsized =
    !alsoWithout.includes('content-length') &&
    without.headers['content-length'] === undefined &&
    actual.headers['content-length'] !== undefined
  if (unsized) expect(actual.headers['content-length'], what).toBe(String(without.body.length))
  const left = unsized ? [...alsoWithout, 'content-length'] : alsoWithout
  expect([actual.status, actual.reason], what).toEqual([without.status, without.reason])
  expect(comparable(actual, left), what).toEqual(comparable(without, left))
  expect(actual.body.equals(without.body), `${what} body`).toBe(true)
}
