import type { CacheBackend } from '../backend.ts'
import { eachReady, type MaybePromise, whenReady } from '../message.ts'
import { TierReads } from './tier-reads.ts'
import { TierWrites } from './tier-writes.ts'
import type { TieredShared, TieredView } from './tiered-view.ts'
import type { Tier } from './tiers.ts'

const atomic = ['increment', 'setIfAbsent', 'compareAndDelete', 'setIfOwner'] as const

/** What the tiers do together with keys and values. */
const together = (tiers: readonly Tier[], reads: TierReads, writes: TierWrites): Partial<CacheBackend> => {
  const last = (tiers.at(-1) as Tier).store
  const methods: Partial<CacheBackend> = {
    get: (key) => reads.get(key),
    set: (key, value, ttl) => writes.set(key, value, ttl),
    delete: (key) => writes.delete(key),
    has: (key) => reads.has(key),
    getMany: (keys) => reads.getMany(keys),
    setMany: (list, ttl) => writes.setMany(list, ttl),
  }
  if (last.deleteMany !== undefined) methods.deleteMany = (keys) => writes.deleteMany(keys)
  if (last.getWithTtl !== undefined) methods.getWithTtl = (key) => reads.getWithTtl(key)
  if (tiers.every(({ store }) => store.clear !== undefined)) methods.clear = () => writes.clear()
  return methods
}

/** What those tiers do that can, one by one. */
const eachAlone = (tiers: readonly Tier[], begins: () => void): Partial<CacheBackend> => {
  const connecting = tiers.filter(({ store }) => store.connect !== undefined)
  const pruning = tiers.filter(({ store }) => store.prune !== undefined)
  const methods: Partial<CacheBackend> = {}
  if (connecting.length > 0)
    methods.connect = async () => {
      begins()
      await eachReady(connecting, ({ store }) => store.connect?.())
    }
  // What the last tier has removed is what there was.
  const counts = pruning.at(-1) === tiers.at(-1)
  if (pruning.length > 0)
    methods.prune = () =>
      whenReady(
        eachReady(pruning, ({ store }) => store.prune?.() ?? 0),
        (removed) => (counts ? Number(removed.at(-1)) : 0),
      )
  return methods
}

/** What the last tier alone can say. */
const ofLast = (last: CacheBackend, writes: TierWrites): Partial<CacheBackend> => {
  const methods: Record<string, unknown> = {}
  if (last.keys !== undefined) methods.keys = (pattern?: string) => last.keys?.(pattern)
  for (const name of atomic) {
    const method = last[name] as ((...args: readonly unknown[]) => MaybePromise<unknown>) | undefined
    if (method === undefined) continue
    methods[name] = (key: string, ...rest: readonly unknown[]) =>
      writes.atLast(key, (store) => Reflect.apply(method, store, [key, ...rest]))
  }
  return methods as Partial<CacheBackend>
}

/** Each method that these tiers can have, as far as it concerns what they hold. */
export const tieredMethods = (shared: TieredShared, view: TieredView): Partial<CacheBackend> => {
  const { tiers } = view
  const writes = new TierWrites(shared, view)
  return {
    ...together(tiers, new TierReads(shared, view), writes),
    ...eachAlone(tiers, shared.begins),
    ...ofLast((tiers.at(-1) as Tier).store, writes),
  }
}
