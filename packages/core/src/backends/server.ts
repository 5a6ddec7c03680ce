import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CacheBackend } from '../backend.ts'
import { createHash, timingSafeEqual } from '../builtin.ts'
import type { ByteSize } from '../durations.ts'
import { showValue } from '../errors.ts'
import { isBackend } from '../members.ts'
import { readToken } from './http-options.ts'
import { markField, markIn, messageLimit } from './http-protocol.ts'
import { guardBackend, guardedViewsOf } from './resilient.ts'
import { ServerRefusal } from './server-refusal.ts'
import { MessageRoom } from './server-room.ts'
import { type Reply, type Route, routesOf } from './server-routes.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `cacheServer()`.
 *
 * @example
 * const options: CacheServerOptions = { backend: file({ directory: '/var/cache/shop' }), token: 'long and random' }
 */
export interface CacheServerOptions {
  /** Where the entries lie. It is not closed with the server. */
  backend: CacheBackend
  /** What clients have to send as Bearer token. */
  token: string
  /** Of one value, as UTF-8. Default `'16mb'`. */
  maxValueBytes?: ByteSize
}

/** What clients wait for by default. */
const storeDeadlineMs = 5000
/** Nothing is read or sent on a connection for so long: more than the slowest operation may take. */
const idleMs = 120_000
const leastRoom = 64 * 1024 ** 2

interface Settings {
  readonly backend: CacheBackend
  readonly token: string
  readonly maxValueBytes: number
}

const readOptions = (options: CacheServerOptions): Settings => {
  const read = new SettingsReader('cacheServer', options, ['backend', 'token', 'maxValueBytes'])
  const given = read.given('backend')
  if (!isBackend(given)) {
    const rule = `backend must have get, set, delete and close; received ${showValue(given)}`
    read.refuse('CACHE_CONFIG_BACKEND', 'backend', given, rule)
  }
  if (read.given('token') === undefined) {
    const rule = 'token is missing. Whoever can reach the server could read and write the cache'
    read.refuse('CACHE_CONFIG_TYPE', 'token', undefined, rule)
  }
  const token = readToken(read, 'token') ?? ''
  const maxValueBytes = read.bytes('maxValueBytes', '16mb')
  read.settle()
  return { backend: options.backend, token, maxValueBytes }
}

/**
 * The other end of `httpApi()`: a listener for `node:http`, `node:https` or any framework that takes one, over any
 * backend. Processes that ask it share the entries and, where the backend keeps none, an invalidation state that lives
 * as long as this listener.
 *
 * It answers nothing without the token. It does not encrypt: give it to `https.createServer`, or put it where nobody
 * else listens.
 *
 * @throws {CacheConfigError} `CACHE_CONFIG_UNKNOWN_OPTION`, `CACHE_CONFIG_RANGE`, `CACHE_CONFIG_TYPE`,
 * `CACHE_CONFIG_BACKEND`
 *
 * @example
 * createServer(cacheServer({ backend: memory(), token: 'long and random' })).listen(8600)
 */
export const cacheServer = (options: CacheServerOptions): RequestListener => {
  const settings = readOptions(options)
  const isAllowed = tokenCheck(settings.token)
  const routes = routesOf(guarded(settings.backend), settings.maxValueBytes)
  const limit = messageLimit(settings.maxValueBytes)
  const full = (): ServerRefusal => new ServerRefusal(503, 'too much is on its way at once')
  const room = new MessageRoom(Math.max(leastRoom, 4 * limit), full)

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setTimeout(idleMs, () => response.destroy())
    if (!isAllowed(request.headers.authorization))
      throw new ServerRefusal(401, 'the token is missing or wrong')
    const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s)
    const route = routes(path)
    if (route === undefined) throw new ServerRefusal(404, 'there is nothing under this path')
    const act = actOf(route, request.method)
    const take = room.of(response)
    const body =
      request.method === 'PUT' || request.method === 'POST'
        ? await readJson(request, { limit, take })
        : undefined
    const reply = await act({ body, query: new URLSearchParams(query) })
    const mark = markIn(request.headers[markField])
    if (mark !== undefined) response.setHeader(markField, mark)
    await send(response, reply, take)
  }

  return (request, response) => {
    answer(request, response).catch((error: unknown) => refuse(request, response, error))
  }
}

/** With a deadline and a breaker, unless it has both, or needs neither. */
const guarded = (backend: CacheBackend): CacheBackend => {
  if (guardedViewsOf(backend) !== undefined) return backend
  const { entries, tags } = guardBackend(backend, storeDeadlineMs)
  return tags === undefined || entries === backend ? entries : { ...entries, tags }
}

/** In a time that does not depend on how much of it is right. */
const tokenCheck = (token: string): ((authorization: string | undefined) => boolean) => {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (authorization = '') => {
    const given = /^bearer +(\S+) *$/i.exec(authorization)?.[1]
    return timingSafeEqual(digest(given ?? ''), expected) && given !== undefined
  }
}

const actOf = (route: Route, method = ''): NonNullable<Route[keyof Route]> => {
  const act = Object.hasOwn(route, method) ? route[method as keyof Route] : undefined
  if (act !== undefined) return act
  const allowed = Object.keys(route).join(', ')
  throw new ServerRefusal(405, `this path takes ${allowed}`, { allow: allowed })
}

interface BodyLimits {
  readonly limit: number
  readonly take: (bytes: number) => void
}

const readJson = async (request: IncomingMessage, { limit, take }: BodyLimits): Promise<unknown> => {
  const { 'content-encoding': encoding = 'identity', 'content-length': length = '0' } = request.headers
  if (encoding.toLowerCase() !== 'identity')
    throw new ServerRefusal(415, 'bodies are taken as they are, not compressed')
  const tooLarge = new ServerRefusal(413, `a message has ${limit} bytes at most`)
  if (Number(length) > limit) throw tooLarge
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const part = chunk as Buffer
    bytes += part.length
    if (bytes > limit) throw tooLarge
    take(part.length)
    chunks.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new ServerRefusal(400, 'the body is not JSON')
  }
}

const headersOf = (body: string): Readonly<Record<string, string | number>> => ({
  'content-type': 'application/json',
  'content-length': Buffer.byteLength(body),
  'cache-control': 'no-store',
})

const send = async (response: ServerResponse, reply: Reply, take: BodyLimits['take']): Promise<void> => {
  if ('lines' in reply) {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    await pipeline(Readable.from(linesOf(reply.lines)), response)
    return
  }
  const body = reply.json === undefined ? '' : JSON.stringify(reply.json)
  take(body.length)
  // RFC 9110 §8.6: a 204 has no Content-Length.
  if (reply.status === 204) response.writeHead(204, { 'cache-control': 'no-store' }).end()
  else response.writeHead(reply.status, headersOf(body)).end(body)
}

async function* linesOf(keys: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const key of keys) yield `${JSON.stringify(key)}\n`
}

/** What went wrong inside stays inside: a message of the store may show what is nobody's business. */
const refuse = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  // An error is none of the answers that a foreign server could not give.
  response.removeHeader(markField)
  const refusal =
    error instanceof ServerRefusal ? error : new ServerRefusal(503, 'the store behind the server has failed')
  const { status, message, headers } = refusal
  const body = JSON.stringify({ error: { status, message } })
  // The rest of a body that is not wanted would have to be read before the next request.
  const end = request.complete ? {} : { connection: 'close' }
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {}
  response.writeHead(status, { ...headersOf(body), ...headers, ...challenge, ...end })
  response.end(request.method === 'HEAD' ? undefined : body)
}
