import { adapterCalls } from './adapter-calls.ts'
import type { CacheBackend } from './backend.ts'
import { loadTtl } from './cache-loads.ts'
import { createParts, type Parts, probe } from './cache-parts.ts'
import { DeclaredRoutes } from './declared.ts'
import { Flights } from './flights.ts'
import type { GuardBackend } from './guarded.ts'
import { invalidateForApplication, invalidateForRequest } from './invalidations.ts'
import { keyPrefix } from './key.ts'
import { readLoadPolicy } from './load.ts'
import { Lookup } from './lookup.ts'
import type { CacheOptions } from './options.ts'
import type { PathOptions } from './path-rules.ts'
import type { ResponseCache } from './response-cache.ts'
import { type Rules, rulesOfCache } from './route-rules.ts'
import { invalidationOf } from './selector.ts'
import { EntryStore } from './store.ts'
import { tellOfStore } from './store-events.ts'

const noPaths: PathOptions = { rules: [], includePaths: undefined, excludePaths: [] }

const createLookup = (parts: Parts, rules: Rules, store: EntryStore): Lookup => {
  const { settings, reports, backend } = parts
  const { name, statusHeaders, debug } = settings
  return new Lookup({
    settings,
    rules,
    reports,
    store,
    flights: new Flights(settings.clock),
    status: { name, statusHeaders, debug, backendName: backend.name ?? 'backend' },
    keyPrefix: keyPrefix(settings.namespace, settings.version),
    invalidate: (invalidation) => invalidateForRequest(parts, invalidation),
  })
}

/** Listens to the store from now on; what is answered ends all, once. */
const closerOf = (
  { guarded, reports, loads }: Parts,
  store: EntryStore,
  lookup: Lookup,
): (() => Promise<void>) => {
  const stopListening = tellOfStore(guarded, reports)
  let closing: Promise<void> | undefined
  return () => {
    closing ??= (async () => {
      lookup.closed = true
      store.clear()
      loads.close()
      await guarded.entries.close()
      stopListening()
    })()
    return closing
  }
}

/** A cache whose backend is `settings.backend`, or what `defaultBackend` makes. */
export const assembleCache = <Req>(
  options: CacheOptions<Req> | undefined,
  place: string,
  defaultBackend: () => CacheBackend,
  guard: GuardBackend,
): ResponseCache<Req> => {
  // Policy functions take the framework's request, which the core only hands through.
  const parts = createParts(options as CacheOptions | undefined, place, defaultBackend, guard)
  const { backend, guarded, calls, reports, stamps, settings, policy, loads } = parts
  const store = new EntryStore(guarded.entries, stamps, calls, reports, settings.clock)
  const own = rulesOfCache(policy)
  const declared = new DeclaredRoutes()
  const lookup = createLookup(parts, own, store)
  const close = closerOf(parts, store, lookup)
  return {
    backend,
    // Async, so that a selector that cannot work rejects like everything else that goes wrong.
    invalidate: async (selector, options) =>
      invalidateForApplication(parts, invalidationOf(selector, options)),
    // Async for the same reason.
    getOrSet: async (key, load, rules = {}) =>
      loads.get(String(key), load, readLoadPolicy(rules, loadTtl(policy))),
    routes: () => declared.list(policy, settings.paths?.options ?? noPaths),
    stats: () => reports.stats(),
    health: () => probe(parts),
    on: (event, listener) => reports.on(event, listener),
    close,
    [Symbol.asyncDispose]: close,
    ...adapterCalls<Req>(parts, lookup, own, declared),
  }
}
