import type { Decision } from './decision.ts'
import type { Flights } from './flights.ts'
import type { MaybePromise } from './message.ts'
import type { Policy } from './policy.ts'
import type { Reports } from './reports.ts'
import type { Invalidation } from './selector.ts'
import type { RequestDirectives } from './semantics/cache-control.ts'
import type { StoreContext } from './semantics/storable.ts'
import type { StatusSettings } from './status-fields.ts'
import type { EntryStore, Found } from './store.ts'
import type { CacheRequest } from './view.ts'
import type { Asked } from './who-asks.ts'

/** The parts of one cache that its lookups and forwarded requests share. */
export interface Engine {
  readonly status: StatusSettings
  /** Lower-case, strongest first. */
  readonly targets: readonly string[]
  readonly store: EntryStore
  readonly flights: Flights
  readonly reports: Reports
  readonly clock: () => number
  lookup(request: CacheRequest, policy: Policy): MaybePromise<Decision>
  /** The same lookup once more, where the key of what it waited for has changed. */
  lookupAgain(search: Search): MaybePromise<Decision>
  /** Remembers a route's rules for the next lookup in front of it. */
  learnRules(request: CacheRequest, policy: Policy): void
  /** The request directives that count for this cache. */
  directivesOf(request: CacheRequest): RequestDirectives
  /** Carries out an invalidation on behalf of a request: reported where they fail, and never later than the deadline. */
  invalidate(invalidation: Invalidation): MaybePromise<void>
}

/** One lookup and what it has found: everything that its answer depends on. */
export interface Search {
  readonly engine: Engine
  readonly request: CacheRequest
  readonly policy: Policy
  readonly directives: RequestDirectives
  readonly credentials: StoreContext['credentials']
  readonly asked: Asked
  readonly found: Found
  /** Whether the rules of this lookup were chosen before the route is known. */
  readonly inFront: boolean
  /** Whether they are those of a route that is remembered for the path. */
  readonly learned: boolean
  readonly attempt: number
}
