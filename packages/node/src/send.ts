import type { ServerResponse } from 'node:http'
import type { SelectedResponse } from '@stowage/core'
import { applyFields } from './headers.ts'

/**
 * Sends a selected response over whatever fields the outer layers have set for this exchange. `layer` are the
 * methods to send it with: those of the response, where nothing inside the cache may have replaced them.
 *
 * @example
 * if (decision.action === 'reuse') send(response, decision.response)
 */
export const send = (
  response: ServerResponse,
  selected: SelectedResponse,
  layer: Pick<ServerResponse, 'writeHead' | 'end'> = response,
): void => {
  response.statusCode = selected.status
  if (selected.reason !== undefined) response.statusMessage = selected.reason
  applyFields(response, selected.headers)
  applyFields(response, selected.added)
  // Where the head leaves with the body, Node damages a Content-Disposition that is not ASCII.
  layer.writeHead(selected.status)
  if (selected.body === null) layer.end()
  else layer.end(selected.body)
}
