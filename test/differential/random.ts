import { randomInt } from 'node:crypto'

/** A source of random choices that one number determines. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number
  /** From 0 up to, not including, `limit`. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

/** The Mulberry32 generator: 32 bits of state, which is enough to choose requests by. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const pick = <T>(list: readonly T[]): T => {
    const picked = list[below(list.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }
  return { next, below, chance: (probability) => next() < probability, pick }
}

/** The seed of this run: STOWAGE_SEED repeats the run that printed it. */
export const seed: number = Number(process.env.STOWAGE_SEED ?? randomInt(2 ** 31))
if (!Number.isInteger(seed)) throw new RangeError('STOWAGE_SEED is a whole number')
