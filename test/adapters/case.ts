import { test } from 'vitest'

/**
 * One case of the adapter suite, beside a few others of the same suite: each has a server, a cache and a clock of its
 * own, and most of what it takes is waiting.
 */
export const testCase = (name: string, run: () => Promise<void>): void => test.concurrent(name, run)
