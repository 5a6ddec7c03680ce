import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { allBlocks, type CodeBlock, pages, root } from './pages.ts'

const directory = mkdtempSync(join(tmpdir(), 'stowage-docs-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const fileOf = ({ page, line }: CodeBlock): string => `${page.replaceAll(/[/.]/g, '-')}-${line}.ts`

/** The project that the blocks are type-checked in: as strict as this one, and against the same sources. */
function writeProject(blocks: readonly CodeBlock[]): void {
  const source = (path: string): string[] => [join(root, 'packages', path)]
  const compilerOptions = {
    noEmit: true,
    // A block shows something and need not use it.
    noUnusedLocals: false,
    noUnusedParameters: false,
    // A block is a module, also without an import.
    moduleDetection: 'force',
    // Found beside the packages: `types` looks only where the project is.
    typeRoots: [join(root, 'node_modules/@types')],
    paths: {
      '@stowage/core': source('core/src/index.ts'),
      '@stowage/core/testing': source('core/src/testing/index.ts'),
      '@stowage/node': source('node/src/index.ts'),
      '@stowage/express': source('express/src/index.ts'),
      '@stowage/koa': source('koa/src/index.ts'),
      '@stowage/fastify': source('fastify/src/index.ts'),
      '@stowage/redis': source('redis/src/index.ts'),
      '@stowage/sqlite': source('sqlite/src/index.ts'),
      fastify: source('fastify/node_modules/fastify/fastify.d.ts'),
      ioredis: source('redis/node_modules/ioredis/built/index.d.ts'),
      koa: source('koa/node_modules/@types/koa/index.d.ts'),
      '@koa/router': source('koa/node_modules/@koa/router/dist/index.d.mts'),
    },
  }
  const files = ['prelude.ts', ...blocks.map(fileOf)].map((file) => `pages/${file}`)
  const project = { extends: join(root, 'tsconfig.json'), compilerOptions, files, include: [] }
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module' }))
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(project))
  mkdirSync(join(directory, 'pages'))
  for (const block of blocks) writeFileSync(join(directory, 'pages', fileOf(block)), block.code)
  cpSync(join(root, 'test/docs/prelude.ts'), join(directory, 'pages/prelude.ts'))
  // First what the Express package is tested with, then what the workspace has.
  symlinkSync(join(root, 'packages/express/node_modules'), join(directory, 'pages/node_modules'), 'junction')
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction')
}

describe('the code blocks of README and docs', () => {
  const typescript = allBlocks.filter(({ language }) => language === 'ts')

  test('are on every page that has to be there', () => {
    expect(pages.length).toBeGreaterThan(12)
    expect(typescript.length).toBeGreaterThan(30)
  })

  test('say what they are', () => {
    const known = new Set(['ts', 'js', 'sh', 'text', 'json'])
    const others = allBlocks.filter(({ language }) => !known.has(language))
    expect(others.map(({ page, line, language }) => `${page}:${line} is "${language}"`)).toEqual([])
  })

  test('type-check where they are TypeScript', { timeout: 60_000 }, () => {
    const wrong: CodeBlock = {
      page: 'wrong',
      line: 1,
      language: 'ts',
      code: `export const wrong: import('@stowage/core').CacheOptions = { ttl: '60' }`,
      runnable: false,
    }
    writeProject([...typescript, wrong])
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [tsc, '-p', directory, '--pretty', 'false'], {
      cwd: directory,
      encoding: 'utf8',
    })
    // What is wrong in the sources is for the type check of the project to tell.
    const [found, ...others] = stdout.split('\n').filter((line) => line.startsWith('pages/'))
    expect(others).toEqual([])
    expect(found).toMatch(/^pages\/wrong-1\.ts\(1,\d+\): error TS2322/)
  })
})
