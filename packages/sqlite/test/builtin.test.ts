import { spawn } from 'node:child_process'
import { isBuiltin } from 'node:module'
import { expect, test } from 'vitest'
import { told } from '../../../test/processes/children.ts'
import { buildChild } from './built.ts'

/** This Node where it has `node:sqlite`, else one that npx fetches once and keeps. */
const [program = '', ...before] = isBuiltin('node:sqlite') ? [process.execPath] : ['npx', '--yes', 'node@22']

test('the suite for backends passes with node:sqlite as well', { timeout: 120_000 }, async () => {
  const script = await buildChild('builtin-child.ts')
  // What Node 22 says of the library being experimental is no part of the answer.
  const child = spawn(program, [...before, script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const { run, failed } = await told<{ run: number; failed: readonly string[] }>(child)
  expect(failed).toEqual([])
  expect(run).toBeGreaterThan(50)
})
