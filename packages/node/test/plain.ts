import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type CacheRequest, type FieldMap, isPromise, type ResponseCache } from '@stowage/core'
import { capture, editRequest, readBody, replay, replayOf, send } from '@stowage/node'
import { onTestFinished } from 'vitest'

export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

const viewOf = (request: IncomingMessage): CacheRequest => ({
  method: request.method ?? 'GET',
  url: request.url ?? '/',
  authority: request.headers.host ?? '',
  scheme: 'http',
  headers: request.headers as FieldMap,
  raw: request,
  body: (limit) => readBody(request, limit),
})

/** The smallest adapter: everything that this package offers, and no framework. */
export const cached = (cache: ResponseCache, listener: Listener): Listener => {
  const handle: Listener = (request, response) => {
    const replayed = replayOf(request, cache)
    const decision = replayed ?? cache.lookup(viewOf(request))
    const act = (settled: Awaited<typeof decision>): void => {
      if (settled.action === 'reuse') {
        send(response, settled.response)
        if (settled.revalidation !== undefined) replay(cache, settled.revalidation, handle)
        return
      }
      editRequest(request, request.headers as FieldMap, settled.requestEdits)
      capture(response, settled, () => undefined)
      listener(request, response)
    }
    if (isPromise(decision)) void decision.then(act)
    else act(decision)
  }
  return handle
}

export const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

export const serve = (listener: Listener): Promise<number> =>
  listen(createServer((request, response) => void listener(request, response)))

export interface Answer {
  readonly status: number
  readonly reason: string
  readonly lines: readonly string[]
  readonly text: string
  readonly cache: string
}

const perExchange = /^(?:date|age|connection|keep-alive|transfer-encoding|cache-status): /

const linesOf = (raw: readonly string[]): string[] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [`${name.toLowerCase()}: ${raw[at + 1]}`] : []))

export const ask = (
  port: number,
  path = '/',
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const asking = request({ port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('latin1').on('error', reject)
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          reason: response.statusMessage ?? '',
          lines: linesOf(response.rawHeaders)
            .filter((line) => !perExchange.test(line))
            .sort(),
          text,
          cache: String(response.headers['cache-status'] ?? ''),
        }),
      )
    })
    asking.on('error', reject)
    asking.end(body)
  })

/** Writes raw bytes; what came back once the other side has closed, or `done` says enough. */
export const speak = (
  port: number,
  bytes: string,
  done: (received: string) => boolean = () => false,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.setEncoding('latin1').on('error', reject)
    socket.on('data', (data) => {
      received += data
      if (done(received)) socket.destroy()
    })
    socket.on('close', () => resolve(received))
    socket.write(bytes)
  })
