import { request } from 'node:http'
import { performance } from 'node:perf_hooks'

/**
 * Sends one request; `ms` is the time until the end of the answer. With `headOnly` the visitor leaves when the head
 * is there. By node:http, because fetch adds Cache-Control fields of its own to conditional requests.
 */
export function visit(port, { method = 'GET', path, headers = {}, body, headOnly = false }) {
  const began = performance.now()
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = request({ port, method, path, headers: { ...type, ...headers } }, (response) => {
      const chunks = []
      const done = () => {
        resolve({
          status: response.statusCode,
          headers: response.headers,
          cacheStatus: response.headers['cache-status'] ?? '',
          body: Buffer.concat(chunks).toString(),
          ms: performance.now() - began,
        })
      }
      if (headOnly) {
        done()
        sent.destroy()
        return
      }
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', done)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
