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
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    passWithNoTests: false,
  },
})
