import type { ServerResponse } from 'node:http'
import type { SelectedResponse } from '@stowage/core'
import { applyFields } from './headers.ts'

/**
 * Sends a selected response over whatever fields the outer layers have set for this exchange.
 *
 * @example
 * if (decision.action === 'reuse') send(response, decision.response)
 */
export const send = (response: ServerResponse, selected: SelectedResponse): void => {
  response.statusCode = selected.status
  if (selected.reason !== undefined) response.statusMessage = selected.reason
  applyFields(response, selected.headers)
  applyFields(response, selected.added)
  if (selected.body === null) response.end()
  else response.end(selected.body)
}
