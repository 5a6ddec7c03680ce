import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runNode } from './command.ts'
import { root } from './workspace.ts'

const script = `
  const { performance } = await import('node:perf_hooks')
  await import('express')
  const start = performance.now()
  const { cacheMiddleware } = await import('@stowage/express')
  const { memory } = await import('@stowage/core')
  const milliseconds = performance.now() - start
  console.log(JSON.stringify({ milliseconds, loaded: [typeof cacheMiddleware, typeof memory] }))
`

test('importing the middleware and the memory backend costs at most 30 ms beyond importing Express', async () => {
  const costs: number[] = []
  for (let round = 0; round < 7; round += 1) {
    const cwd = join(root, 'packages/express')
    const { milliseconds, loaded } = JSON.parse(await runNode(['--input-type=module', '-e', script], { cwd }))
    expect(loaded).toEqual(['function', 'function'])
    costs.push(milliseconds)
  }
  const [, , , median] = costs.sort((a, b) => a - b)
  expect(median).toBeLessThanOrEqual(30)
})
