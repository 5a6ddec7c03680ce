import { defineConfig } from 'vitest/config'

const source = (path: string): string => new URL(`./packages/${path}`, import.meta.url).pathname

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@stowage\/core\/testing$/, replacement: source('core/src/testing/index.ts') },
      { find: /^@stowage\/core$/, replacement: source('core/src/index.ts') },
      { find: /^@stowage\/node$/, replacement: source('node/src/index.ts') },
      { find: /^@stowage\/express$/, replacement: source('express/src/index.ts') },
    ],
  },
  test: {
    passWithNoTests: false,
    allowOnly: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/packaging/**'],
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'packaging',
          include: ['test/packaging/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // After the others, one file at a time: it measures, and starts many processes of its own.
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
})
