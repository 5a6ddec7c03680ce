import { failureOf } from './failure.ts'
import { isWhole, notWhole, sizeOfAll } from './texts.ts'

/** What may be stored. Both throw where a text cannot be. */
export interface Admission {
  /** Whether the entry is small enough. */
  fits(entry: readonly [key: string, value: string]): boolean
  /** The characters of what cannot be left out without a word; throws where it is too large. */
  sizeOf(operation: string, key: string, value: string): number
}

export const createAdmission = (maxBytes: number): Admission => {
  const isSmall = (key: string, value: string): boolean => {
    const length = key.length + value.length
    if (length > maxBytes) return false
    // A character takes three bytes at most.
    return length * 3 <= maxBytes || Buffer.byteLength(key) + Buffer.byteLength(value) <= maxBytes
  }
  const check = (operation: string, key: string, value: string): void => {
    if (!isWhole(key) || !isWhole(value)) throw failureOf(operation, notWhole)
  }
  return {
    fits: ([key, value]) => {
      check('set', key, value)
      return isSmall(key, value)
    },
    sizeOf: (operation, key, value) => {
      check(operation, key, value)
      if (isSmall(key, value)) return sizeOfAll([key, value])
      throw failureOf(operation, { result: 'TOOBIG', message: 'the entry is too large' })
    },
  }
}
