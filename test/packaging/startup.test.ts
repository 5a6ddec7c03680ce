import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runNode } from './command.ts'
import { root } from './workspace.ts'

// Time of the processor; the least of several rounds, since what else the machine is doing can only add to it.
const script = `
  await import('express')
  const start = process.cpuUsage()
  const { cacheMiddleware } = await import('@stowage/express')
  const { memory } = await import('@stowage/core')
  const { user, system } = process.cpuUsage(start)
  console.log(JSON.stringify({ milliseconds: (user + system) / 1000, loaded: [typeof cacheMiddleware, typeof memory] }))
`

test('importing the middleware and the memory backend costs at most 30 ms beyond importing Express', async () => {
  const costs: number[] = []
  for (let round = 0; round < 15; round += 1) {
    const cwd = join(root, 'packages/express')
    const { milliseconds, loaded } = JSON.parse(await runNode(['--input-type=module', '-e', script], { cwd }))
    expect(loaded).toEqual(['function', 'function'])
    costs.push(milliseconds)
  }
  expect(Math.min(...costs)).toBeLessThanOrEqual(30)
})
