import type { OutgoingHttpHeaders } from 'node:http'
import type { Listener } from './shape.ts'

interface Kept {
  readonly until: number
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
}

const lifetimeMs = 60_000

/**
 * The cache that is easily written: every answer is kept for a minute under the URL. It must not pass any test of
 * safety; that it fails shows that the tests can.
 */
export const naiveCache =
  (clock: () => number) =>
  (listener: Listener): Listener => {
    const answers = new Map<string, Kept>()
    return (request, response) => {
      const url = request.url ?? ''
      const kept = answers.get(url)
      if (kept !== undefined && kept.until > clock()) {
        response
          .writeHead(kept.status, { ...kept.headers, 'content-length': kept.body.length })
          .end(kept.body)
        return
      }
      const chunks: Buffer[] = []
      const { write, end } = response
      const note = (chunk: unknown): void => {
        if (typeof chunk === 'string' || chunk instanceof Uint8Array)
          chunks.push(Buffer.from(chunk as string))
      }
      response.write = ((...given: Parameters<typeof write>) => {
        note(given[0])
        return write.apply(response, given)
      }) as typeof write
      response.end = ((...given: Parameters<typeof end>) => {
        note(given[0])
        // Node refuses a head that announces trailers beside a length.
        const { trailer: _, ...headers } = response.getHeaders()
        answers.set(url, {
          until: clock() + lifetimeMs,
          status: response.statusCode,
          headers,
          body: Buffer.concat(chunks),
        })
        return end.apply(response, given)
      }) as typeof end
      listener(request, response)
    }
  }
