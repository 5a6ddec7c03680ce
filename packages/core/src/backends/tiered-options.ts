import type { CacheBackend } from '../backend.ts'
import type { Duration } from '../durations.ts'
import { type ConfigProblem, refuseProblems, showValue } from '../errors.ts'
import { isBackend } from '../members.ts'
import { SettingsReader } from './settings.ts'

/**
 * Options of `tiered()`; ratio and cap hold for every tier above the last.
 *
 * @example
 * const options: TieredOptions = { l1TtlRatio: 0.25, l1MaxTtl: '30s' }
 */
export interface TieredOptions {
  /** The share of a ttl that an upper tier keeps a value for: above 0, at most 1. Default 0.5. */
  l1TtlRatio?: number
  /**
   * The longest that an upper tier keeps a value without looking below; Infinity for no cap. So old, at most, may a
   * value be that somebody else has changed where there is no bus, or be served while the last tier is out of reach.
   * Default 60 s.
   */
  l1MaxTtl?: Duration
  /**
   * Whether processes tell each other what they change, by `publish` and `subscribe` of the lowest tier that has both.
   * Default: where there is one.
   */
  bus?: boolean
}

export interface TieredSettings {
  readonly ratio: number
  readonly maxTtlMs: number
  readonly bus: boolean
}

const known = ['l1TtlRatio', 'l1MaxTtl', 'bus'] as const

export const isMessenger = (backend: CacheBackend): boolean =>
  typeof backend.publish === 'function' && typeof backend.subscribe === 'function'

const checkTiers = (tiers: readonly unknown[]): void => {
  const problems: ConfigProblem[] = []
  const refuse = (path: string, received: unknown, rule: string): void =>
    void problems.push({ code: 'CACHE_CONFIG_BACKEND', path, received, message: `tiered: ${rule}.` })
  if (tiers.length < 2) refuse('tiered', tiers, `there must be two tiers or more; received ${tiers.length}`)
  for (const [index, tier] of tiers.entries()) {
    const path = `tiered.l${index + 1}`
    if (!isBackend(tier))
      refuse(path, tier, `l${index + 1} must have get, set, delete and close; received ${showValue(tier)}`)
    else if (tiers.indexOf(tier) !== index)
      refuse(path, tier, `l${index + 1} is the same backend as a tier above it`)
  }
  refuseProblems(problems)
}

const readBus = (read: SettingsReader<TieredOptions>, tiers: readonly CacheBackend[]): boolean => {
  const possible = tiers.some(isMessenger)
  const bus = read.given('bus') ?? possible
  if (typeof bus !== 'boolean') {
    read.refuse('CACHE_CONFIG_TYPE', 'bus', bus, `bus must be true or false; received ${showValue(bus)}`)
  } else if (bus && !possible) {
    const rule =
      'bus needs a tier with publish and subscribe, such as redis(). Leave it out: l1MaxTtl bounds what differs'
    read.refuse('CACHE_CONFIG_BACKEND', 'bus', bus, rule, 'false')
  }
  return bus === true
}

/** What the options come to; throws a `CacheConfigError` that names everything wrong with them. */
export const readTieredOptions = (tiers: readonly CacheBackend[], options: TieredOptions): TieredSettings => {
  checkTiers(tiers)
  const read = new SettingsReader('tiered', options, known)
  const settings: TieredSettings = {
    ratio: read.share('l1TtlRatio', 0.5),
    maxTtlMs: read.duration('l1MaxTtl', 60, { unbounded: true }),
    bus: readBus(read, tiers),
  }
  read.settle()
  return settings
}
