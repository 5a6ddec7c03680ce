import { type CacheBackend, createCache, memory } from '@stowage/core'
import { chaosBackend, mockBackend } from '@stowage/core/testing'
import { cached, healthHandler } from '@stowage/node'
import { describe, expect, test } from 'vitest'
import { type Answer, ask, serve } from './plain.ts'

const askHealth = async (backend: CacheBackend, method = 'GET'): Promise<Answer> => {
  const cache = createCache({ backend, backendDeadline: '50ms' })
  return ask(await serve(healthHandler(cache)), '/', { method })
}

describe('the health handler', () => {
  test('answers with 200, writes, reads and deletes a key, and leaves nothing behind', async () => {
    const backend = mockBackend()
    const answer = await askHealth(backend)
    expect([answer.status, answer.lines]).toEqual([
      200,
      expect.arrayContaining(['cache-control: no-store', 'content-type: application/json']),
    ])
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'healthy', connected: true })
    const probed = backend.calls.filter(({ args }) => String(args[0]).startsWith('#health '))
    expect(probed.map(({ operation }) => operation)).toEqual(['set', 'get', 'delete'])
    expect(backend.entries.size).toBe(0)
  })

  test.each([
    ['fails when it is written', { failRate: 1, only: ['set'] }],
    ['fails when it is read', { failRate: 1, only: ['get'] }],
    ['fails when it deletes', { failRate: 1, only: ['delete'] }],
    ['gives back something else', { corruptRate: 1 }],
    ['hangs', { hangRate: 1 }],
  ] as const)('answers with 503 where the store %s', async (_, faults) => {
    const answer = await askHealth(chaosBackend(memory(), faults as never))
    expect(answer.status).toBe(503)
    expect(JSON.parse(answer.text)).toMatchObject({ status: 'unhealthy', error: expect.any(String) })
  })

  test('answers HEAD without a body, and is never stored', async () => {
    expect(await askHealth(memory(), 'HEAD')).toMatchObject({ status: 200, text: '' })
    const cache = createCache({ ttl: '1m' })
    const port = await serve(cached(healthHandler(cache), cache as never))
    for (const turn of [1, 2]) expect((await ask(port)).cache, `${turn}`).toContain('detail=no-store')
  })
})
