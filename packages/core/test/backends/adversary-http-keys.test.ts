import { createServer } from 'node:http'
import { cacheServer, httpApi, memory } from '@stowage/core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { keyInPath, pathOfKey } from '../../src/backends/http-protocol.ts'
import { listenOn, overServer, token } from './http-site.ts'

const pieces = [
  '.',
  '..',
  '/',
  '\\',
  '%',
  '%2e',
  '%2E%2e',
  '%2f',
  '',
  'a',
  'A',
  'é',
  'e\u0301',
  ' ',
  '+',
  '?',
]
const rarer = ['#', ';', '&', '\0', '\n', '\u0085', '😀', '\ud800', '\udc00', '//', '~', ':', '@', '*']

/** The same keys in every run. */
const randomKeys = (count: number): string[] => {
  let state = 42
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const all = [...pieces, ...rarer]
  const keys = new Set(all)
  while (keys.size < count)
    keys.add(Array.from({ length: 1 + next(5) }, () => all[next(all.length)] ?? '').join(''))
  return [...keys]
}

describe('httpApi: any key is its own', () => {
  test('a path that a key has is no other key’s, also where it is normalised or decoded on the way', () => {
    const owners = new Map<string, string>()
    const claim = (path: string, key: string): void => {
      expect(owners.get(path) ?? key).toBe(key)
      owners.set(path, key)
    }
    let inPaths = 0
    for (const key of randomKeys(3000)) {
      const path = pathOfKey(key)
      if (path === undefined) continue
      inPaths += 1
      expect(keyInPath(path)).toBe(key)
      expect(new URL(path, 'http://cache.internal').pathname).toBe(path)
      claim(path, key)
      // As a proxy has it that decodes, merges slashes and takes out dots, and encodes again.
      const decoded = decodeURIComponent(path).replaceAll('\\', '/').replace(/\/+/g, '/')
      const seen = new URL(`http://x${decoded.replace(/[^/.]/gu, encodeURIComponent)}`).pathname
      if (!key.includes('\\')) expect(keyInPath(seen)).toBe(key)
    }
    expect(inPaths).toBeGreaterThan(300)
  })

  test.each([
    '',
    '.',
    '..',
    'a/..',
    '../a',
    'a//b',
    '/',
    '/a',
    'a/',
    '.\\a',
    'a\0',
    'a\n',
    '\ud800',
    'a\udc00b',
  ])('%j has no place in a path', (key) => expect(pathOfKey(key)).toBeUndefined())

  test('every one of many odd keys comes back as itself through a real server, by itself and together', async () => {
    const { client } = await overServer(memory())
    const keys = randomKeys(400)
    await Promise.all(keys.map((key) => client.set(key, `of ${JSON.stringify(key)}`, 60)))
    const expected = keys.map((key) => `of ${JSON.stringify(key)}`)
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(expected)
    const together = await client.getMany?.(keys)
    expect(keys.map((key) => together?.get(key))).toEqual(expected)
    for (const [n, key] of keys.entries()) if (n % 2 === 0) await client.delete(key)
    const left = await Promise.all(keys.map(async (key) => await client.has?.(key)))
    expect(left).toEqual(keys.map((_, n) => n % 2 === 1))
  })

  test('a key without a place in a path has its time left told as any other', async () => {
    const { client } = await overServer(memory())
    for (const key of ['..', '', 'k'.repeat(10_000), 'half \ud800']) {
      expect(await client.getWithTtl?.(key)).toBeNull()
      await client.set(key, 'value', 60)
      const found = await client.getWithTtl?.(key)
      expect(found?.value).toBe('value')
      expect(found?.ttl).toBeGreaterThan(50)
      await client.set(key, 'value', Number.POSITIVE_INFINITY)
      expect(await client.getWithTtl?.(key)).toEqual({ value: 'value', ttl: Number.POSITIVE_INFINITY })
    }
  })
})

describe('httpApi: counts of one life of the state say nothing in another', () => {
  test('whoever compares under an epoch that is over is told that all is invalid, and nobody else is', async () => {
    let behind = memory()
    let listener = cacheServer({ backend: behind, token })
    const { url, close } = await listenOn(createServer((request, response) => listener(request, response)))
    onTestFinished(close)
    const client = httpApi({ baseUrl: url, authToken: token })
    onTestFinished(() => client.close())
    const before = await client.tags?.head()
    for (let n = 0; n < 5; n++) await client.tags?.bump(['t:a'])
    behind = memory()
    listener = cacheServer({ backend: behind, token })
    await behind.tags.bump(['t:b'])
    // The first to hear of the new life is a client that has never asked before.
    const other = httpApi({ baseUrl: url, authToken: token })
    onTestFinished(() => other.close())
    const invalid = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
    expect(await other.tags?.read(['t:a', 't:b'], before?.epoch)).toEqual(invalid)
    const after = await other.tags?.head()
    expect(after?.epoch).not.toBe(before?.epoch)
    expect(await other.tags?.read(['t:a', 't:b'], after?.epoch)).toEqual([0, 1])
    expect(await client.tags?.read(['t:a', 't:b'], before?.epoch)).toEqual(invalid)
    expect(await client.tags?.read(['t:a', 't:b'], after?.epoch)).toEqual([0, 1])
    expect(await client.tags?.read(['t:a', 't:b'])).toEqual(invalid)
  })

  test('the store behind the server is told under which epoch its counts will be compared', async () => {
    const epochs: (string | undefined)[] = []
    const store = memory()
    const tags = {
      head: () => store.tags.head(),
      bump: (names: readonly string[]) => store.tags.bump(names),
      read: (names: readonly string[], epoch?: string) => {
        epochs.push(epoch)
        return store.tags.read(names)
      },
    }
    const { client } = await overServer({
      get: (key) => store.get(key),
      set: (key, value, ttl) => store.set(key, value, ttl),
      delete: (key) => store.delete(key),
      close: () => store.close(),
      tags,
    })
    const { epoch } = store.tags.head()
    expect(await client.tags?.read(['t:a'], epoch)).toEqual([0])
    expect(await client.tags?.read(['t:a'])).toEqual([0])
    expect(await client.tags?.read(['t:a'], 'of another life')).toEqual([Number.MAX_SAFE_INTEGER])
    expect(epochs).toEqual([epoch, undefined, 'of another life'])
  })
})
