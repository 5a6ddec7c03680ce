import type { IncomingMessage, RequestListener } from 'node:http'
import { cacheServer, httpApi, memory } from '@stowage/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serve, token } from './http-site.ts'

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

/** A server that is slow with some keys only, and never with the question whether it is there. */
const slowServer = async (slow: (request: IncomingMessage) => number) => {
  const store = memory()
  for (const key of ['slow', 'quick']) store.set(key, `of ${key}`, 60)
  const behind: RequestListener = cacheServer({ backend: store, token })
  const asked: string[] = []
  const url = await serve(async (request, response) => {
    asked.push(request.url ?? '')
    await pause(slow(request))
    if (!response.destroyed) behind(request, response)
  })
  const client = httpApi({ baseUrl: url, authToken: token })
  onTestFinished(() => client.close())
  return { asked, client }
}

describe('httpApi: a server that is slow and not dead', () => {
  test('a value that takes longer than the silence is asked for once more, and had', async () => {
    const { asked, client } = await slowServer(({ url }) => (url === '/cache/slow' ? 1500 : 0))
    expect(await client.get('slow')).toBe('of slow')
    expect(asked.filter((path) => path === '/cache/slow')).toHaveLength(2)
  })

  test('while anything comes, nothing is cut', async () => {
    const { asked, client } = await slowServer(({ url }) => (url === '/cache/slow' ? 1500 : 0))
    const slow = client.get('slow')
    let over = false
    const others = (async () => {
      while (!over) {
        expect(await client.get('quick')).toBe('of quick')
        await pause(50)
      }
    })()
    expect(await slow).toBe('of slow')
    over = true
    await others
    expect(asked.filter((path) => path === '/cache/slow')).toHaveLength(1)
    expect(asked).not.toContain('/health')
  })

  test('what goes over all entries may be silent for as long as it takes', async () => {
    const { asked, client } = await slowServer(({ url }) => (url === '/clear' ? 1500 : 0))
    expect(await client.clear?.()).toBe(2)
    expect(asked).toEqual(['/clear'])
  })
})
