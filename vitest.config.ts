import { defineConfig } from 'vitest/config'
import { viteWorkerSource } from './scripts/worker-source.mjs'

const source = (path: string): string => new URL(`./packages/${path}`, import.meta.url).pathname

// After the others, one file at a time: these measure.
const alone = ['test/packaging/startup.test.ts', 'test/**/*-load.test.ts']

export default defineConfig({
  plugins: [viteWorkerSource],
  resolve: {
    alias: [
      { find: /^@stowage\/core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^@stowage\/core$/, replacement: source('core/src/index.ts') },
      { find: /^@stowage\/node$/, replacement: source('node/src/index.ts') },
      { find: /^@stowage\/express$/, replacement: source('express/src/index.ts') },
      { find: /^@stowage\/koa$/, replacement: source('koa/src/index.ts') },
      { find: /^@stowage\/fastify$/, replacement: source('fastify/src/index.ts') },
      { find: /^@stowage\/redis$/, replacement: source('redis/src/index.ts') },
      { find: /^@stowage\/sqlite$/, replacement: source('sqlite/src/index.ts') },
    ],
  },
  test: {
    passWithNoTests: false,
    allowOnly: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
})
