import { expect, test } from 'vitest'
import { CacheConfigError } from '../../src/errors.ts'
import { compileOptions } from '../../src/policy.ts'

/** The `CacheConfigError` that `run` throws; anything else fails the test. */
export const errorOf = (run: () => unknown): CacheConfigError => {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheConfigError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Options with one mistake, and what is said of it. */
export type Refusal = readonly [
  options: object,
  path: string,
  received: unknown,
  message: string,
  hint?: string,
]

const noWarning = (code: string): never => {
  throw new Error(`unexpected warning ${code}`)
}

/** A test for each of the options: refused with this code, and for this one reason. */
export const testRefusals = (refusals: Readonly<Record<string, readonly Refusal[]>>): void => {
  const rows = Object.entries(refusals).flatMap(([code, list]) =>
    list.map(([options, path, received, message, hint]) => ({
      code,
      options,
      path,
      received,
      message,
      hint,
    })),
  )
  test.each(rows)('$code at $path: $message', ({ code, options, path, received, message, hint }) => {
    const error = errorOf(() => compileOptions(options, 'cacheMiddleware', noWarning))
    expect(error.problems).toHaveLength(1)
    expect(error).toMatchObject({ code, path, received, message: `cacheMiddleware: ${message}` })
    expect(error.hint).toBe(hint)
  })
}
