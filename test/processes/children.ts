import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished } from 'vitest'

/** Starts a script of Node, which is killed when the test is over. */
export const start = (script: string, ...given: readonly (string | number)[]): ChildProcess => {
  const child = spawn(process.execPath, [script, ...given.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** What a child that ends by itself has told. */
export const told = async <T>(child: ChildProcess): Promise<T> => {
  const [output, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    once(child, 'exit'),
  ])
  expect(code).toBe(0)
  return JSON.parse(output) as T
}

/** Starts a child, and kills it a moment after it has said that it is at work. */
export const killAtWork = async (child: ChildProcess, ms: number): Promise<void> => {
  const ended = once(child, 'exit')
  if (child.stdout !== null) await once(child.stdout, 'data')
  await new Promise((resume) => setTimeout(resume, ms))
  child.kill('SIGKILL')
  await ended
}
