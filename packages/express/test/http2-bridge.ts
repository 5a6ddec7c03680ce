import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Application } from 'express'
import type { Express } from './support.ts'

/** What Express adds to `node:http`, on another foundation. */
const graft = (addition: object, foundation: object, app: Application): object =>
  Object.create(Object.create(foundation, Object.getOwnPropertyDescriptors(addition)), {
    app: { value: app, configurable: true, enumerable: true, writable: true },
  })

interface Internals {
  request: object
  response: object
  handle: (request: { httpVersionMajor: number }, ...others: unknown[]) => unknown
}

/**
 * Express puts its prototypes, which stand on HTTP/1.1, under every request. This puts such as stand on Node's HTTP/2
 * compatibility API under those of HTTP/2, as bridges for Express do.
 */
export const bridgeHttp2 = (express: Express, app: Application): void => {
  const internals = app as unknown as Internals
  const first = { request: internals.request, response: internals.response }
  const second = {
    request: graft(express.request, Http2ServerRequest.prototype, app),
    response: graft(express.response, Http2ServerResponse.prototype, app),
  }
  const { handle } = internals
  internals.handle = function (request, ...others) {
    // Express reads them before anything else, in the same turn.
    Object.assign(internals, request.httpVersionMajor === 2 ? second : first)
    return handle.call(this, request, ...others)
  }
}
