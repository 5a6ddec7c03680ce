import type { ServerResponse } from 'node:http'

/**
 * Whether nobody can be answered by this response any more. A response of HTTP/2 is as open as its stream, and one whose
 * turn has not come yet as the connection that its request has come by.
 *
 * @example
 * if (!isGone(response)) response.end()
 */
export const isGone = (response: ServerResponse): boolean => {
  if (response.destroyed || response.writableEnded) return true
  const { stream } = response as { stream?: { readonly destroyed?: boolean } }
  return (stream ?? response.socket ?? response.req?.socket)?.destroyed === true
}
