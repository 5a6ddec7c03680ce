import type { CacheBackend } from '@stowage/core'

/**
 * What `benchmarkBackend` does.
 *
 * @example
 * const options: BenchmarkOptions = { operations: 10_000, concurrency: 16, valueBytes: 4096 }
 */
export interface BenchmarkOptions {
  /** Sets, and then as many gets. Default 1000. */
  operations?: number
  /** Calls under way at once. Default 1. */
  concurrency?: number
  /** Length of each value. Default 1024. */
  valueBytes?: number
  /** Opens the keys, which are deleted again. Default `'benchmark:'`. */
  prefix?: string
}

/**
 * Figures of one run. Durations in seconds.
 *
 * @example
 * const { setOpsPerSecond, getOpsPerSecond }: BenchmarkResult = await benchmarkBackend(memory())
 */
export interface BenchmarkResult {
  readonly operations: number
  readonly setOpsPerSecond: number
  readonly getOpsPerSecond: number
  readonly setDuration: number
  readonly getDuration: number
  /** Share of the gets that found what was set. */
  readonly hitRate: number
}

const wholeNumber = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new RangeError(`benchmarkBackend: ${name} must be a whole number above 0; received ${value}`)
}

/** Runs `each` for 0 to `count` - 1, at most `concurrency` at once; the seconds that it took. */
const timed = async (
  count: number,
  concurrency: number,
  each: (index: number) => Promise<void>,
): Promise<number> => {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await each(next++)
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker))
  return (performance.now() - began) / 1000
}

/**
 * Sets, reads and deletes keys of its own, and tells how long that took. Rejects where the backend does.
 *
 * @example
 * console.table(await benchmarkBackend(myBackend(), { operations: 10_000, concurrency: 16 }))
 */
export const benchmarkBackend = async (
  backend: CacheBackend,
  options: BenchmarkOptions = {},
): Promise<BenchmarkResult> => {
  const operations = wholeNumber('operations', options.operations ?? 1000)
  const concurrency = wholeNumber('concurrency', options.concurrency ?? 1)
  const value = 'x'.repeat(wholeNumber('valueBytes', options.valueBytes ?? 1024))
  const keyOf = (index: number): string => `${options.prefix ?? 'benchmark:'}${index}`
  let found = 0
  try {
    const setDuration = await timed(operations, concurrency, async (index) =>
      backend.set(keyOf(index), value, 300),
    )
    const getDuration = await timed(operations, concurrency, async (index) => {
      if ((await backend.get(keyOf(index))) === value) found++
    })
    return {
      operations,
      setOpsPerSecond: operations / setDuration,
      getOpsPerSecond: operations / getDuration,
      setDuration,
      getDuration,
      hitRate: found / operations,
    }
  } finally {
    await timed(operations, concurrency, async (index) => backend.delete(keyOf(index)))
  }
}

/**
 * `benchmarkBackend` for several backends, one after another, with 100 operations each unless told otherwise. They
 * stay open.
 *
 * @example
 * console.table(await compareBackends({ memory: memory(), file: file({ directory }) }))
 */
export const compareBackends = async <Name extends string>(
  backends: Readonly<Record<Name, CacheBackend>>,
  options: BenchmarkOptions = {},
): Promise<Record<Name, BenchmarkResult>> => {
  const results: Partial<Record<Name, BenchmarkResult>> = {}
  for (const name of Object.keys(backends) as Name[])
    results[name] = await benchmarkBackend(backends[name], { operations: 100, ...options })
  return results as Record<Name, BenchmarkResult>
}
