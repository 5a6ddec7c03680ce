import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allBlocks } from '../docs/pages.ts'
import { requireBuild, serveScript, shop, visit } from './children.ts'

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'stowage-readme-')))
const runnable = allBlocks.filter((block) => block.runnable)
const installed = [
  ...['express', 'fastify', 'koa', '@koa/router'],
  ...['core', 'node', 'express', 'fastify', 'koa'].map((name) => `@stowage/${name}`),
]

beforeAll(() => {
  requireBuild()
  // As npm installs them: the example shop has the built packages and the frameworks.
  for (const scope of ['@stowage', '@koa'])
    mkdirSync(join(directory, 'node_modules', scope), { recursive: true })
  for (const name of installed)
    symlinkSync(
      realpathSync(join(shop, 'node_modules', name)),
      join(directory, 'node_modules', name),
      'junction',
    )
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the runnable code of the READMEs', () => {
  test('is there', () => {
    expect(runnable.map(({ page, language }) => `${page} ${language}`)).toEqual([
      'README.md js',
      'packages/express/README.md ts',
      'packages/fastify/README.md ts',
      'packages/koa/README.md ts',
      'packages/node/README.md ts',
    ])
  })

  test.each(runnable.map((block) => [`${block.page}:${block.line}`, block.code]))(
    'serves %s, and the second request is a hit',
    async (_name, code) => {
      // One states a ttl for the server alone, the other has its handler tell everybody.
      const [ttl, told] = code.includes("'5m'") ? [300, 'no-cache'] : [60, 'max-age=60']
      const file = join(directory, 'server.mjs')
      writeFileSync(file, code)
      await using server = await serveScript(file, directory)
      const first = await visit(server.port, '/items')
      const second = await visit(server.port, '/items')
      expect(first.cacheStatus).toBe(`stowage; fwd=uri-miss; fwd-status=200; ttl=${ttl}; stored`)
      expect(second.cacheStatus).toMatch(/^stowage; hit; ttl=\d+$/)
      expect(second.headers['cache-control']).toBe(told)
      expect(second.body).toBe(first.body)
      if (!code.includes('.post(')) return
      expect((await visit(server.port, '/items', { method: 'POST' })).status).toBeLessThan(300)
      expect(JSON.parse((await visit(server.port, '/items')).body)).toEqual(['teapot', 'kettle', 'cup'])
    },
  )

  test('prints what README says it prints', () => {
    const shown = allBlocks.find(({ page, code }) => page === 'README.md' && code.startsWith('$ curl'))
    const status = shown?.code.match(/^Cache-Status: .*$/gm)
    expect(status).toEqual([
      'Cache-Status: stowage; fwd=uri-miss; fwd-status=200; ttl=300; stored',
      expect.stringMatching(/^Cache-Status: stowage; hit; ttl=29\d$/),
    ])
  })
})
