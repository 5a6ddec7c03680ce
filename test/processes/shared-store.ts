import type { ChildProcess } from 'node:child_process'
import { expect, test } from 'vitest'
import { scaled } from '../scale.ts'
import { told } from './children.ts'

/** A store on which the tests start processes, as store-work.ts has them work. */
export interface StorePlace {
  start(mode: string, place: string, count?: number): ChildProcess
  /** Where a store that nobody has used yet can be; it is removed after the test. */
  newPlace(): Promise<string>
  /** How often a process invalidates and changes, and how often the others are answered at least. */
  readonly invalidations: number
  readonly changes: number
  readonly answers: number
  /** Numbers that one invalidation may have passed over: it was counted again where it was not known to be counted. */
  readonly mostGaps: number
  /** What else is true of the place once all invalidations are counted. */
  afterInvalidations?(place: string): Promise<void>
}

const limit = scaled(60_000, 600_000)
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

/** Whether a value is what one process wrote under this key, at once. */
export const isWhole = (key: string, value: string): boolean => {
  const unit = value.slice(0, value.indexOf('|', key.length + 1) + 1)
  return unit.startsWith(`${key}|`) && value === unit.repeat(value.length / unit.length)
}

/** Several processes on one store: nothing torn, no invalidation lost, nothing old answered with. */
export const testProcesses = ({ start, newPlace, ...store }: StorePlace): void => {
  test.each([2, 4])(
    '%s of them read nothing torn and nothing of another key, and no operation fails',
    async (count) => {
      const place = await newPlace()
      const each = Math.ceil(scaled(6000, 100_000) / count)
      const children = Array.from({ length: count }, () => start('mixed', place, each))
      const results = await Promise.all(
        children.map((child) => told<{ read: number; torn: number; failed: number }>(child)),
      )
      expect(results.map(({ torn, failed }) => [torn, failed])).toEqual(results.map(() => [0, 0]))
      expect(sum(results.map(({ read }) => read))).toBeGreaterThan(500)
    },
    limit,
  )

  test(
    'their invalidations have a number of their own each, and nobody is told less than was counted',
    async () => {
      const place = await newPlace()
      const children = [1, 2, 3, 4].map(() => start('bump', place, store.invalidations))
      const results = await Promise.all(
        children.map((child) => told<{ taken: number[]; behind: number; epoch: string }>(child)),
      )
      const taken = results.flatMap((result) => result.taken).sort((a, b) => a - b)
      expect(new Set(taken).size).toBe(4 * store.invalidations)
      expect(taken[0]).toBe(1)
      expect(taken.at(-1)).toBeLessThanOrEqual(4 * store.invalidations + store.mostGaps)
      expect(results.map(({ behind }) => behind)).toEqual([0, 0, 0, 0])
      expect(new Set(results.map(({ epoch }) => epoch)).size).toBe(1)
      await store.afterInvalidations?.(place)
    },
    limit,
  )

  test(
    'nothing that was invalidated by one is answered with by another',
    async () => {
      const place = await newPlace()
      const writer = told(start('change', place, store.changes))
      const readers = [1, 2].map(() =>
        told<{ answered: number; old: number }>(start('serve', place, store.changes)),
      )
      const results = await Promise.all(readers)
      await writer
      expect(results.map(({ old }) => old)).toEqual([0, 0])
      expect(sum(results.map(({ answered }) => answered))).toBeGreaterThan(store.answers)
    },
    limit,
  )

  test('one that does not close it ends all the same', async () => {
    const child = start('leave', await newPlace())
    const began = performance.now()
    await told(child)
    // The start of a process on a busy machine is part of it; the timers in use wait for 20 s and more.
    expect(performance.now() - began).toBeLessThan(15_000)
  })
}
