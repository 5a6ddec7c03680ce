import type { ServerResponse } from 'node:http'
import type { Forward } from '@stowage/core'
import type { Captured } from './captured.ts'
import type { ResponseFields } from './headers.ts'
import { ResponseCapture } from './response-capture.ts'

/**
 * Patches a response so that its Forward is told of it. `route` is asked when the head is known; `fields` is where a
 * framework keeps the head until it sends it. Default: the response.
 *
 * @example
 * capture(response, forward, () => undefined)
 * listener(request, response)
 */
export const capture = (
  response: ServerResponse,
  forward: Forward,
  route: () => string | undefined,
  fields: ResponseFields = response,
): Captured => new ResponseCapture(response, forward, route, fields)
