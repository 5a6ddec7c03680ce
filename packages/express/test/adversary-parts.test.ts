import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import express from 'express'
import { describe, expect, test } from 'vitest'
import { ask } from './client.ts'
import { makeCache, serve } from './support.ts'

const text = Array.from({ length: 2000 }, (_, i) => `line ${i}`).join('\n')

const site = async (declared: string | undefined): Promise<number> => {
  const app = express()
  app.use(compression(), makeCache({ ttl: '1m' }))
  app.get('/t', (_request, response) => {
    if (declared !== undefined) response.set('Cache-Control', declared)
    response.type('text/plain').send(text)
  })
  const port = await serve(app)
  await ask(port, '/t', { headers: { 'accept-encoding': 'gzip' } })
  return port
}

describe('a part of a stored response under a layer that compresses', () => {
  const parts: readonly [
    coding: string | undefined,
    declared: string | undefined,
    first: number,
    last: number,
  ][] = [
    ['gzip', undefined, 0, 4999],
    ['gzip', 'max-age=60', 0, 4999],
    ['gzip, deflate, br', 'max-age=60', 5000, 9999],
    ['*', undefined, 100, 4000],
    ['identity;q=0.5, gzip;q=0.1', undefined, 100, 4000],
    ['identity', undefined, 0, 4999],
    [undefined, undefined, 0, 4999],
  ]
  test.each(parts)(
    'accepts %s, says %s: is the bytes it says, %d-%d',
    async (coding, declared, first, last) => {
      const port = await site(declared)
      const accepts = coding === undefined ? {} : { 'accept-encoding': coding }
      const headers = { ...accepts, range: `bytes=${first}-${last}` }
      const answer = await ask(port, '/t', { headers })
      expect(answer.status).toBe(206)
      expect(answer.headers['content-range']).toBe(`bytes ${first}-${last}/${text.length}`)
      expect(answer.headers['content-encoding']).toBeUndefined()
      expect(answer.text).toBe(text.slice(first, last + 1))
    },
  )

  test('the whole is compressed as before', async () => {
    const port = await site('max-age=60')
    const answer = await ask(port, '/t', { headers: { 'accept-encoding': 'gzip' } })
    expect(answer.headers['content-encoding']).toBe('gzip')
    expect(answer.headers['cache-control']).toBe('max-age=60')
    expect(answer.cache).toMatch(/^stowage; hit/)
    expect(gunzipSync(answer.body).toString()).toBe(text)
  })
})
