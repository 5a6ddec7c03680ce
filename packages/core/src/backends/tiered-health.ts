import type { BackendHealth } from '../backend.ts'
import { askHealth, unreachable } from '../health.ts'
import { settle, type Tier } from './tiers.ts'

const healthOf = async (tier: Tier): Promise<BackendHealth> => {
  const ended = await settle(tier, askHealth)
  if ('error' in ended) return unreachable(ended.error)
  return ended.value ?? { status: 'healthy', connected: true }
}

/** Healthy where every tier is; degraded where some are. */
export const tieredHealth = async (tiers: readonly Tier[]): Promise<BackendHealth> => {
  const each = await Promise.all(tiers.map(healthOf))
  const last = each.at(-1) ?? unreachable('no tier')
  const worst = each.find(({ status }) => status !== 'healthy')
  if (worst === undefined) return last
  const some = each.some(({ status }) => status !== 'unhealthy')
  const about = worst.error === undefined ? {} : { error: worst.error }
  return { ...last, ...about, status: some ? 'degraded' : 'unhealthy' }
}
