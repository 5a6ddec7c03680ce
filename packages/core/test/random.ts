/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of `list`; throws where there is none. */
export const pick = <T>(random: () => number, list: readonly T[]): T => {
  const index = Math.floor(random() * list.length)
  if (index >= list.length) throw new RangeError('nothing to pick from')
  return list[index] as T
}
