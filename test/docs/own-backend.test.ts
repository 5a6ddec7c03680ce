import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CacheBackend, createCache } from '@stowage/core'
import { backendConformance } from '@stowage/core/testing'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedServer, startMemcached } from '../servers/memcached.ts'
import { allBlocks, root } from './pages.ts'

const directory = join(root, 'node_modules/.cache/stowage')

/** The code of the page, made into a module. */
const compile = async (outfile: string): Promise<void> => {
  const found = allBlocks.filter(
    ({ page, code }) => page === 'docs/write-your-own-backend.md' && code.includes('export const memcached'),
  )
  expect(found).toHaveLength(1)
  mkdirSync(directory, { recursive: true })
  await build({
    stdin: { contents: found[0]?.code ?? '', resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['memjs'],
    alias: { '@stowage/core': join(root, 'packages/core/src/index.ts') },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  })
}

describe('the backend of the page', () => {
  const outfile = join(directory, `own-backend-${process.pid}.mjs`)
  let server: MemcachedServer
  let memcached: (servers: string, prefix?: string) => CacheBackend

  beforeAll(async () => {
    await compile(outfile)
    ;({ memcached } = await import(/* @vite-ignore */ pathToFileURL(outfile).href))
    server = await startMemcached()
  }, 200_000)

  afterAll(async () => {
    rmSync(outfile, { force: true })
    await server.end()
  })

  backendConformance(() => ({ backend: memcached(server.address, randomUUID()) }), { test })

  test('keeps a value for longer than Memcached counts in seconds', async () => {
    const backend = memcached(server.address)
    await backend.set('k', 'v', 60 * 86_400)
    expect(await backend.get('k')).toBe('v')
    await backend.close()
  })

  test('rejects where nobody listens, and a cache goes on without it', async () => {
    const backend = memcached('127.0.0.1:1')
    await expect(backend.get('k')).rejects.toMatchObject({ code: 'CONNECTION_ERROR' })
    const cache = createCache({
      backend,
      logger: {
        debug: () => undefined,
        info: () => undefined,
        warn: () => undefined,
        error: () => undefined,
      },
    })
    expect(await cache.getOrSet('k', () => 1)).toBe(1)
    await cache.close()
  })
})
