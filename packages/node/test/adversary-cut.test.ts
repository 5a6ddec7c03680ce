import type { ServerResponse } from 'node:http'
import { request } from '@stowage/core/testing'
import { expect, test } from 'vitest'
import { serveCached } from './cached.ts'

const failure = new Error('broken')

/** As adapters of web frameworks answer where a stream breaks: what can be said still, and then no more. */
const endAndCut = (response: ServerResponse): void => {
  response.end(`Error: ${failure.message}`)
  response.destroy(failure)
}

test('a body in parts whose last one is an error, and then the connection is cut, is not stored', async () => {
  let runs = 0
  const { port } = await serveCached(
    (_request, response) => {
      runs += 1
      response.write('part')
      setImmediate(() => (runs === 1 ? endAndCut(response) : response.end(' whole')))
    },
    { ttl: '1m' },
  )
  const url = `http://127.0.0.1:${port}/`
  // Whether it is seen to be cut is up to the connection.
  await Promise.allSettled([request(url)])
  for (const turn of [1, 2]) expect((await request(url)).text, `${turn}`).toBe('part whole')
  expect(runs).toBe(2)
})
