import type { CacheBackend, MaybePromise } from '@stowage/core'
import { damageAnswer } from './damage.ts'
import { interceptBackend } from './intercept.ts'

/**
 * What goes wrong, and how often: rates are shares from 0 (default) to 1.
 *
 * @example
 * const faults: ChaosFaults = { failRate: 0.1, latency: [1, 20], only: ['get', 'tags.bump'] }
 */
export interface ChaosFaults {
  /** Milliseconds that a call takes longer, fixed or between two bounds; part before it is carried out, part after. Default 0. */
  latency?: number | readonly [min: number, max: number]
  /** Calls that fail without having been carried out: thrown, or rejected where `mode`, latency or hanging makes a promise. */
  failRate?: number
  /** Calls that hang until `release()`, and are carried out only then. */
  hangRate?: number
  /** Values read that come back cut short, or with one character changed. */
  corruptRate?: number
  /** Operations affected, `get` or `tags.bump` say. Default: all but `close`. */
  only?: readonly string[]
  /** `'async'`: every answer is a promise, also one without a fault. Default: as the backend answers. */
  mode?: 'async'
}

/**
 * Faults at the start, and the seed that decides which calls they meet: the same seed, the same calls. Default 1.
 *
 * @example
 * const options: ChaosOptions = { failRate: 0.5, seed: 7 }
 */
export interface ChaosOptions extends ChaosFaults {
  seed?: number
}

/**
 * The switch of a `chaosBackend()`.
 *
 * @example
 * backend.chaos.set({ hangRate: 1 })
 * // …
 * backend.chaos.set({ hangRate: 0 })
 * backend.chaos.release()
 */
export interface ChaosControl {
  /** Changes the members given, from the next call on. */
  set(faults: ChaosFaults): void
  /** Lets all hanging calls go on; how many there were. */
  release(): number
  /** Calls hanging now. */
  readonly hanging: number
}

/**
 * A backend with a switch for its faults.
 *
 * @example
 * const backend: ChaosBackend = chaosBackend(memory())
 */
export type ChaosBackend = CacheBackend & { readonly chaos: ChaosControl }

/**
 * `backend` with faults. It has the same capabilities, and they fail and hang as well.
 *
 * @example
 * const backend = chaosBackend(memory(), { failRate: 0.1, seed: 42 })
 * backend.chaos.set({ failRate: 1 })
 */
export const chaosBackend = (backend: CacheBackend, options: ChaosOptions = {}): ChaosBackend => {
  const { seed = 1, ...initial } = options
  const random = createRandom(seed)
  const hung = new Set<() => void>()
  let faults: ChaosFaults = initial

  const proxy = interceptBackend(backend, (operation, call) => {
    const fate = drawFate(isAffected(operation, faults) ? faults : {}, random)
    const attempt = (): MaybePromise<unknown> => {
      if (fate.fails) throw new Error(`chaos: ${operation} failed`)
      return fate.corrupts ? damageAnswer(call(), fate.spot) : call()
    }
    if (!fate.hangs && fate.before + fate.after === 0 && faults.mode !== 'async') return attempt()
    return slowly(attempt, fate, hung)
  })
  const chaos: ChaosControl = {
    set: (changed) => {
      faults = { ...faults, ...changed }
    },
    release: () => {
      const resumes = [...hung]
      hung.clear()
      for (const resume of resumes) resume()
      return resumes.length
    },
    get hanging() {
      return hung.size
    },
  }
  return new Proxy(proxy, {
    get: (target, name) => (name === 'chaos' ? chaos : Reflect.get(target, name)),
  }) as ChaosBackend
}

interface Fate {
  readonly fails: boolean
  readonly hangs: boolean
  readonly corrupts: boolean
  /** Where a corrupted value is damaged, and how: two shares from 0 to 1. */
  readonly spot: readonly [number, number]
  /** Milliseconds before and after the call is carried out. */
  readonly before: number
  readonly after: number
}

const isAffected = (operation: string, { only }: ChaosFaults): boolean =>
  only === undefined ? operation !== 'close' : only.includes(operation)

/** Draws the same number of numbers whatever the rates, so that changing one leaves the rest of a run as it was. */
const drawFate = (faults: ChaosFaults, random: () => number): Fate => {
  const { latency = 0, failRate = 0, hangRate = 0, corruptRate = 0 } = faults
  const [min, max] = typeof latency === 'number' ? [latency, latency] : latency
  const hangs = random() < hangRate
  const fails = random() < failRate
  const corrupts = random() < corruptRate
  const delay = min + (max - min) * random()
  const before = delay * random()
  return { fails, hangs, corrupts, spot: [random(), random()], before, after: delay - before }
}

const slowly = async (
  attempt: () => MaybePromise<unknown>,
  fate: Fate,
  hung: Set<() => void>,
): Promise<unknown> => {
  if (fate.hangs) await new Promise<void>((resume) => hung.add(resume))
  await sleep(fate.before)
  const answer = await attempt()
  await sleep(fate.after)
  return answer
}

const sleep = async (ms: number): Promise<void> => {
  if (ms > 0) await new Promise((resume) => setTimeout(resume, ms))
}

/** A linear congruential generator: small, and the same everywhere. */
const createRandom = (seed: number): (() => number) => {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
